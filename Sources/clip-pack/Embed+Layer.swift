import Architecture
import Bytes
import ClipPack
import SystemPackage

extension Embed {
  /// The stage of a layer, and the extents of what it gives for one input.
  func stage(
    ofLayer layer: Int, _ model: Model
  ) throws -> (name: String, extents: [Int]) {
    let tower = embedsTexts ? Tower.text : .image
    guard let graph = model.graph[tower] else { throw ModelError.missing(tower) }
    guard let name = graph.stage(ofLayer: layer) else {
      let count = graph.layerCount
      throw Refusal(
        count == 0
          ? "the \(tower.rawValue) tower is no stack of equal blocks, whose layers could be counted"
          : "the \(tower.rawValue) tower has no layer \(layer), it has 0 to \(count), or -1 to "
            + "\(-count - 1) from the end")
    }
    let (rows, columns) = graph.extents(ofStage: name)
    return (name, [rows, columns])
  }

  /// A picture that cannot be read ends it: rows of a layer are no index that grows over days.
  func embedLayer(_ stage: String, _ model: Model, into sink: any EmbeddingSink) throws {
    var tally = EmbeddingTally()
    if embedsTexts {
      let lines = try textsFrom.map { try LineReader(FilePath(argument: $0), separator: separator) }
      var given = texts[...]
      while true {
        let batch = try lines.map { try Self.texts($0) } ?? Array(given.prefix(Model.batchSize))
        guard !batch.isEmpty else { break }
        given = given.dropFirst(batch.count)
        let states = try naming(pack) {
          tally.truncated += try batch.count { try model.ids(of: $0).isTruncated }
          return try model.states(ofTexts: batch, at: stage)
        }
        for (text, values) in zip(batch, states) { try sink.add(.text(text), values) }
      }
    } else {
      for paths in try batches(noting: &tally.notes) {
        let states = try naming(pack) { try model.states(ofImages: paths, at: stage) }
        for (path, values) in zip(paths, states) { try sink.add(.picture(path), values) }
      }
    }
    for note in tally.notes { common.terminal.note("note: \(note)") }
    try sink.finish(tally, common)
  }

  /// All pictures, a batch at a time.
  private func batches(noting notes: inout [String]) throws -> [[FilePath]] {
    var paths: [FilePath] = []
    if let imagesFrom {
      let list = try LineReader(
        FilePath(argument: imagesFrom), separator: separator, skipsEmpty: true)
      while let path = try Self.nextPath(list) { paths.append(path) }
      notes += list.notes
    } else {
      paths = try picturesNamed(noting: &notes)
    }
    return stride(from: 0, to: paths.count, by: Model.batchSize).map {
      Array(paths[$0..<min($0 + Model.batchSize, paths.count)])
    }
  }
}
