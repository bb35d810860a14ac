internal import Architecture
internal import ClipPack
internal import Kernels
internal import Towers

extension ImageTower {
  /// The embeddings of pictures, and a sample of every stage where that is wanted.
  func embed(
    _ pixels: Span<Float>, observing: Bool
  ) throws -> (rows: [[Float]], stages: StageSample?) {
    var sample = StageSample()
    let observe: Observer = { sample.take($0, $1) }
    let rows = try embed(pixels, observe: observing ? observe : nil).rows
    return (rows, observing ? sample : nil)
  }
}

extension TextTower {
  /// The embeddings of texts, and a sample of every stage where that is wanted.
  func embed(
    _ texts: [[Int]], observing: Bool
  ) throws -> (rows: [[Float]], stages: StageSample?) {
    var sample = StageSample()
    let observe: Observer = { sample.take($0, $1) }
    let rows = try embed(texts, observe: observing ? observe : nil).rows
    return (rows, observing ? sample : nil)
  }
}
