internal import Bytes
internal import Tensors

/// A file of weights to some of which updates are added. Those become float32, so that what is
/// added is not rounded to what the base was stored in.
struct MergedFile: TensorFile {
  private let base: any TensorFile
  private let updates: [String: LowRankUpdate]
  let tensors: [TensorEntry]

  /// - Precondition: each update has the name and the shape of a tensor of the file.
  init(_ base: any TensorFile, _ updates: [String: LowRankUpdate]) {
    self.base = base
    self.updates = updates
    tensors = base.tensors.map {
      updates[$0.name] == nil ? $0 : TensorEntry($0.name, .float32, $0.shape)
    }
  }

  var file: MappedFile { base.file }
  var format: String { base.format }
  var notes: [String] { base.notes }
  var verbatimHeader: Buffer? { nil }
  func validate() throws(CheckpointError) { try base.validate() }

  func entry(named name: String) -> TensorEntry? {
    base.entry(named: name).map {
      updates[name] == nil ? $0 : TensorEntry(name, .float32, $0.shape)
    }
  }

  func location(of entry: TensorEntry) -> Range<Int>? {
    updates[entry.name] == nil ? base.location(of: entry) : nil
  }

  func bytes(of entry: TensorEntry, _ part: Range<Int>) -> Buffer {
    guard let update = updates[entry.name], let stored = base.entry(named: entry.name) else {
      return base.bytes(of: entry, part)
    }
    precondition(part.lowerBound % 4 == 0 && part.count % 4 == 0, "\(part) cuts elements")
    let size = stored.elementType.bits / 8
    let range = part.lowerBound / 4 * size..<part.upperBound / 4 * size
    let weights = Tensor(
      stored.elementType, [part.count / 4], base.bytes(of: stored, range))
    var elements = weights.widened
    update.add(to: &elements, from: part.lowerBound / 4)
    base.release(stored, range)
    return Buffer(littleEndian: elements)
  }
}
