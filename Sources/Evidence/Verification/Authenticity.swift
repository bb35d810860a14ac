internal import Architecture
package import Bytes
internal import Checkpoints
public import ClipPack
internal import Codecs
internal import Concurrency
internal import Kernels
internal import PackFormat
internal import Tensors
internal import Tokenizers

/// Whether a pack is made of a source: a comparison of data, before anything is run.
///
/// What it proves, and what not: `Formats/threats.md`, section 2.
public struct Authenticity: Sendable {
  /// What is not the source's, a clause each; empty for an authentic pack.
  public private(set) var differences: [String] = []
  /// Calibrated tensors: their codes were rounded for more than their own values. Each of their
  /// rows lies within the tolerance of its step; another maker's choice within that goes unseen.
  public private(set) var bounded: [String] = []

  public var isAuthentic: Bool { differences.isEmpty }

  /// - Throws: `FormatError` for a damaged pack.
  public init(of model: Model, from original: Original) throws {
    let pack = model.pack
    try compareNetwork(model, original)
    try compareSections(model, original)
    // Tensors of another network have other names or shapes.
    guard isAuthentic else { return }
    if let clause = try differenceOfSpaces(pack, original) {
      differences = [try isDecoded(original, model) ? Self.isDecodedClause : clause]
      return
    }
    let isCalibrated = try pack.isCalibrated
    for parameter in model.graph.parameters {
      defer { original.checkpoint.release(parameter.name) }
      guard let packed = pack.tensor(parameter.name) else { continue }
      let clause = try compare(packed, parameter, with: original, pack, isCalibrated)
      if let clause { differences.append("tensor \"\(parameter.name)\" \(clause)") }
      pack.release(packed)
    }
  }

  private mutating func compareNetwork(_ model: Model, _ original: Original) throws {
    let towers = Set(Tower.allCases.filter { model.graph[$0] != nil })
    let network = original.checkpoint.family.keeping(towers)?.network
    let (source, pack) = (network?.json ?? .null, model.graph.network.json)
    if let clause = Self.firstDifference(source, pack) {
      differences.append(
        "the source '\(original.name)' is of another architecture than the pack: \(clause)")
    }
    guard let words = try model.pack.json(.configuration) else { return }
    let family = original.checkpoint.family.keeping(towers)
    if let clause = Self.firstDifference(family?.json ?? .null, words) {
      differences.append("the configuration is not the source's: \(clause)")
    }
  }

  private mutating func compareSections(_ model: Model, _ original: Original) throws {
    if model.graph.image != nil {
      let (source, pack) = (original.preprocessing?.json, model.preprocessing?.json)
      if let clause = Self.firstDifference(source ?? .null, pack ?? .null) {
        differences.append("the preprocessing is not the source's: \(clause)")
      }
    }
    guard model.graph.text != nil else { return }
    switch (original.tokenizer, try model.tokenizer) {
    case (nil, nil): break
    case (_?, nil):
      differences.append("the source has a tokenizer, the pack has none")
    case (nil, _?):
      differences.append("the pack has a tokenizer, and none lies beside the source to compare")
    case (let source?, let packed?):
      if let clause = Self.firstDifference(source.json, packed.json) {
        differences.append("the tokenizer is not the source's: \(clause)")
      } else if source.tables != packed.tables {
        differences.append("the tokenizer is not the source's: its tables differ")
      }
    }
  }

  /// What the pack says of its original, where that is not the source, as a clause.
  private func differenceOfSpaces(_ pack: Pack, _ original: Original) throws -> String? {
    guard let recorded = try pack.provenanceDocument()?.space else { return nil }
    let found = try SpaceDigest(of: original, pool: pack.pool).description
    return recorded.utf8.elementsEqual(found.utf8)
      ? nil
      : "it records the space \(JSON.string(recorded).excerpt) of its original, the source has "
        + found
  }

  /// A checkpoint that was unpacked from a pack that lost something has its values, and is not what
  /// the pack says that it was made of.
  private static let isDecodedClause =
    "the source holds the very values that this pack decodes to, as a checkpoint does that was "
    + "unpacked or exported from it, so it proves nothing; give the checkpoint that the pack was "
    + "made from"

  /// Whether a source has the values that the pack decodes to, all of them.
  private func isDecoded(_ original: Original, _ model: Model) throws -> Bool {
    let pack = model.pack
    return try model.graph.parameters.allSatisfy { parameter in
      defer { original.checkpoint.release(parameter.name) }
      guard let packed = pack.tensor(parameter.name) else { return false }
      defer { pack.release(packed) }
      return try pack.decoded(packed).hasValues(of: original.checkpoint.tensor(parameter.name))
    }
  }

  /// What a tensor of the pack is not, as a clause; `nil` where it is the source's.
  private mutating func compare(
    _ packed: PackedTensor, _ parameter: Parameter, with original: Original, _ pack: Pack,
    _ isCalibrated: Bool
  ) throws -> String? {
    let source = original.checkpoint.tensor(parameter.name)
    switch packed.content {
    case .plain:
      let values = try pack.values(of: packed)
      return values.hasValues(of: source)
        || parameter.role != .vector && values.isRounding(of: source, packed, pack.pool)
        ? nil : "has other values than the source"
    case .grid:
      let (codes, steps) = try pack.grid(of: packed)
      switch Grid.fidelity(
        of: codes, steps: steps, to: source,
        blockElements: Stream.blockSize(ofCodes: source.columns), pool: pack.pool)
      {
      case .nearest: return nil
      case .bounded:
        // Of a table rows are looked up: there is no input to round it for.
        guard isCalibrated, parameter.role == .matrix else {
          return "has codes that are not the nearest to the source's values, and no calibration "
            + "accounts for them"
        }
        bounded.append(parameter.name)
        return nil
      case .foreign(let clause): return clause
      }
    case .unknown: throw pack.unknownCodec(packed)
    }
  }

  /// The first member that differs, as a clause; `nil` where all are the same, string for string by
  /// their bytes.
  package static func firstDifference(
    _ source: JSON, _ pack: JSON, _ place: String = ""
  ) -> String? {
    if let mine = source.array, let other = pack.array, mine.count == other.count {
      for (index, pair) in zip(mine, other).enumerated() {
        if let clause = firstDifference(pair.0, pair.1, "\(place)[\(index)]") { return clause }
      }
      return nil
    }
    guard let mine = source.object, let other = pack.object else {
      return Array(source.description.utf8) == Array(pack.description.utf8)
        ? nil : "\(place) is \(source.excerpt) there, \(pack.excerpt) in the pack"
    }
    let (keys, others) = (
      Set(mine.keys.map { Array($0.utf8) }), Set(other.keys.map { Array($0.utf8) })
    )
    let single = keys.symmetricDifference(others)
    if let key = single.min(by: { $0.lexicographicallyPrecedes($1) }) {
      let name = JSON.string(String(decoding: key, as: UTF8.self)).excerpt
      return (place.isEmpty ? "" : "\(place) has ") + "\(name) "
        + (keys.contains(key) ? "there, not in the pack" : "in the pack, not there")
    }
    for key in mine.keys {
      let name = place.isEmpty ? key : "\(place).\(key)"
      if let clause = firstDifference(mine[key] ?? .null, other[key] ?? .null, name) {
        return clause
      }
    }
    return nil
  }
}

extension Tensor {
  /// Whether all values are the same, bit for bit as float32.
  fileprivate func hasValues(of source: Tensor) -> Bool {
    guard shape == source.shape else { return false }
    if elementType == source.elementType { return buffer.bytes.array == source.buffer.bytes.array }
    let count = shape.count
    return stride(from: 0, to: count, by: 1 << 16).allSatisfy { start in
      let range = start..<Swift.min(start + 1 << 16, count)
      return withFloats(range) { mine in
        source.withFloats(range) { unsafe mine.bytes.array == $0.bytes.array }
      }
    }
  }

  /// Whether the values are the source's, rounded to the half type that the pack says.
  fileprivate func isRounding(
    of source: Tensor, _ packed: PackedTensor, _ pool: WorkerPool
  ) -> Bool {
    let halves: [ElementType: Half] = [.float16: .float16, .bfloat16: .bfloat16]
    guard elementType == packed.elementType, shape == source.shape, let half = halves[elementType],
      let rounded = try? source.rounded(to: half, elementType, pool: pool)
    else { return false }
    return rounded.buffer.bytes.array == buffer.bytes.array
  }
}
