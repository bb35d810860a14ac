internal import Architecture
internal import Bytes
internal import Checkpoints
internal import Codecs
internal import Concurrency
public import Evidence
public import PackFormat
internal import Quantisation
public import SystemPackage
internal import Tensors
internal import Tokenizers

/// Proof that the whole content of a pack is what its recipe makes of a source: item by item in the
/// order of the manifest, byte by byte, and nothing more.
///
/// Codes that were rounded for pictures of the maker's are made again where these are at hand.
/// Without them, steps are made again, and codes held to what rounding with these steps can give.
public struct Rebuilding: Sendable {
  /// What is not as the recipe makes it, a clause each; empty where all is.
  public private(set) var differences: [String] = []
  /// Tensors of which the codes are not proven one by one.
  public private(set) var bounded: [String] = []
  /// Whether these would be, had the maker's pictures been at hand.
  public let needsPictures: Bool

  private let pack: Pack
  /// The items of the pack that are still to be explained.
  private var rest: ArraySlice<Manifest.Item>

  /// Converts the original again as the pack's recipe says and compares.
  ///
  /// - Parameter pictures: those that the maker had it rounded for, in their order; none where they
  ///   were built-in, or are not at hand.
  /// - Throws: `Refusal` for a pack without a recipe, for a checkpoint that has not what the recipe
  ///   takes, and for other pictures than the recipe records; `FormatError` for a damaged pack.
  public init(of pack: Pack, from original: Original, pictures: [FilePath] = []) throws {
    guard let json = try pack.json(.recipe) else { throw Refusal("the pack has no recipe") }
    self.pack = pack
    rest = pack.index.content.items[...]
    let recipe = try Recipe(decoding: json)
    needsPictures = pictures.isEmpty && recipe.calibration?.areBuiltIn == false
    let checkpoint = original.checkpoint
    let spec = try ModelSpec(checkpoint, recipe, original.tokenizerFolder)
    for case (let name, let json?) in spec.sections {
      try compare(section: name, Array(json.description.utf8))
    }
    if let tables = spec.tokenizer?.tables { try compare(section: .tokenizerTables, tables) }
    try compare(section: .recipe, Array(recipe.json.description.utf8))
    let encoder = TensorEncoder(recipe: recipe, pool: pack.pool)
    let calibration = try Self.calibration(recipe, pictures, spec, checkpoint, pack.pool)
    for parameter in spec.graph.parameters {
      defer { checkpoint.release(parameter.name) }
      guard let packed = next(tensor: parameter.name) else { continue }
      let source = checkpoint.tensor(parameter.name)
      let clause: String?
      if recipe.calibration != nil, calibration == nil, parameter.role == .matrix {
        clause = try bound(packed, parameter, to: source, encoder)
      } else if let grid = calibration?.grid(
        of: parameter.name, checkpoint, recipe.codings[parameter.name], pack.pool)
      {
        clause = packed.firstDifference(from: encoder.describe(grid, parameter).tensor)
      } else {
        clause = packed.firstDifference(from: try encoder.encode(source, parameter).tensor)
      }
      if let clause { differences.append("tensor \"\(parameter.name)\" \(clause)") }
      pack.release(packed)
    }
    if Provenance.canRestore(checkpoint, recipe) {
      for companion in checkpoint.companions {
        guard let packed = next(tensor: companion.name) else { continue }
        let encoded = TensorEncoder.companion(companion.name, companion.tensor())
        if let clause = packed.firstDifference(from: encoded.tensor) {
          differences.append("tensor \"\(companion.name)\" \(clause)")
        }
      }
    }
    for item in rest { differences.append("\(item.kind) is nothing that the recipe makes") }
  }

  /// What the recipe rounds for, where that can be made again.
  private static func calibration(
    _ recipe: Recipe, _ pictures: [FilePath], _ spec: ModelSpec, _ checkpoint: Checkpoint,
    _ pool: WorkerPool
  ) throws -> Calibration? {
    let told = recipe.calibration
    guard pictures.isEmpty || told?.areBuiltIn == false else {
      throw Refusal(
        "the pack was rounded for \(told == nil ? "no" : "built-in") pictures, and "
          + "\(pictures.count) are given to round it for again")
    }
    guard let told, told.areBuiltIn || !pictures.isEmpty else { return nil }
    let inputs = try TracedInputs(
      for: spec.graph, spec.preprocessing, spec.tokenizer,
      calibration: told.areBuiltIn ? .builtIn : .pictures(pictures))
    guard inputs.description == told else {
      if told.areBuiltIn { return nil }
      throw Refusal(
        "the pictures are not those that the pack was rounded for: with the texts that this "
          + "version takes their digest is \(inputs.description.digest), the recipe records "
          + told.digest)
    }
    return try Calibration(inputs, checkpoint, spec.graph, pool) { _ in }
  }

  /// Takes the next item, which must have that name; those before the one that has are reported.
  private mutating func next(_ name: String, _ kind: String) -> Manifest.Item? {
    let utf8 = Array(name.utf8)
    guard let place = rest.firstIndex(where: { Array($0.name.utf8) == utf8 }) else {
      differences.append("\(kind) \"\(name)\" is missing")
      return nil
    }
    for item in rest[..<place] {
      differences.append("\(item.kind) is nothing that the recipe makes, or in another place")
    }
    defer { rest = rest[(place + 1)...] }
    return rest[place]
  }

  private mutating func next(tensor name: String) -> PackedTensor? {
    guard let item = next(name, "tensor") else { return nil }
    guard case .tensor(let tensor) = item else {
      differences.append("\(item.kind) is a section, a tensor is what the recipe makes")
      return nil
    }
    return tensor
  }

  private mutating func compare(section name: SectionName, _ bytes: [UInt8]) throws {
    guard let item = next(name.rawValue, "section") else { return }
    guard case .section(let section) = item, section.isRequired,
      let stored = try pack.section(section.name), stored.bytes.array == bytes
    else {
      differences.append("section \"\(name.rawValue)\" differs from what the source says")
      return
    }
  }

  /// What a tensor on a grid, whose codes were rounded for more than their own values, is not.
  private mutating func bound(
    _ packed: PackedTensor, _ parameter: Parameter, to source: Tensor, _ encoder: TensorEncoder
  ) throws -> String? {
    let (codeType, rowSteps) = try encoder.rowSteps(of: source, parameter.name)
    let steps = rowSteps.flatMap { step in
      (0..<4).map { UInt8(truncatingIfNeeded: step.bitPattern >> (8 * $0)) }
    }
    guard case .grid(let stream, _) = packed.content, stream.elementType == codeType,
      packed.shape == source.shape, packed.tower == parameter.tower, packed.isModel
    else { return "is stored in another form than the recipe gives" }
    let (codes, stored) = try pack.grid(of: packed)
    guard stored.bytes.array == steps else { return "has other steps than the recipe gives" }
    switch Grid.fidelity(
      of: codes, steps: stored, to: source,
      blockElements: Stream.blockSize(ofCodes: source.columns), pool: pack.pool)
    {
    case .nearest: break
    case .bounded: bounded.append(parameter.name)
    case .foreign(let clause): return clause
    }
    return nil
  }
}

extension Manifest.Item {
  /// For example: `tensor "x"`.
  fileprivate var kind: String {
    switch self {
    case .section(let section): "section \"\(section.name)\""
    case .tensor(let tensor): "tensor \"\(tensor.name)\""
    }
  }
}

extension PackedTensor {
  /// Where what a pack holds first differs from what a source gives.
  fileprivate func firstDifference(from expected: EncodedTensor) -> String? {
    let parts = expected.content.parts
    guard streams.count == parts.count, shape == expected.shape,
      content.codec == expected.content.codec, elementType == expected.elementType,
      tower == expected.tower, isModel == expected.isModel,
      zip(streams, parts).allSatisfy({
        $0.role == $1.role && $0.elementType == $1.elementType && $0.size == $1.bytes.count
      })
    else { return "is stored in another form than the recipe gives" }
    for (stream, content) in zip(streams, parts) {
      for index in stream.digests.indices {
        let block = content.bytes.bytes.extracting(stream.range(ofBlock: index))
        guard Digest(of: block) == stream.digests[index] else {
          return "differs from the source in block \(index + 1) of \(stream.digests.count)"
        }
      }
    }
    return nil
  }
}
