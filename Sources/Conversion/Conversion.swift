internal import Architecture
internal import Bytes
internal import CLIP
public import Checkpoints
internal import ClipPack
internal import Inputs
public import Kernels
public import PackFormat
public import SystemPackage
internal import Tensors

/// Makes a pack of a checkpoint: tensor by tensor, so that memory follows the largest tensor and
/// not the model.
public struct Conversion: Sendable {
  public var recipe: Recipe
  public var storage: Storage
  /// `nil` where the files beside the weights are to be used.
  public var tokenizerFolder: FilePath?
  /// Pictures and texts to measure with; the built-in ones where empty.
  public var evidenceImages: [FilePath] = []
  public var evidenceTexts: [String] = []
  /// Whether the original and the pack are run and compared.
  public var makesEvidence = true
  public var pool: WorkerPool

  public init(recipe: Recipe, storage: Storage = .compact, pool: WorkerPool) {
    self.recipe = recipe
    self.storage = storage
    self.pool = pool
  }

  /// What a conversion did.
  public struct Summary: Sendable {
    public var sourceBytes: Int
    public var packBytes: Int
    /// What the model's tensors take in the pack.
    public var weightBytes: Int
    public var parameterCount: Int
    public var contentDigest: Digest
    /// `nil` without evidence.
    public var agreement: Comparison?
    /// What had to be assumed or left out, a sentence each.
    public var notes: [String]

    public var bitsPerWeight: Double { 8 * Double(weightBytes) / Double(parameterCount) }
  }

  /// How far a conversion is.
  public enum Progress: Sendable {
    /// So many of the model's bytes have been coded.
    case coding(Double)
    case runningOriginal
    case runningPack
    case finishing
  }

  /// Converts a checkpoint.
  ///
  /// - Throws: `Refusal`, `FileError`, `FormatError`, `CheckpointError`; nothing is written then.
  public func run(
    _ checkpoint: Checkpoint, to destination: FilePath,
    progress: (Progress) -> Void = { _ in }
  ) throws -> Summary {
    try refuseSource(checkpoint, as: destination)
    let digests = SourceDigests(of: checkpoint.files.map(\.safetensors.file))
    let contract = try Contract(checkpoint, recipe, tokenizerFolder)
    var writer = try PackWriter(destination, storage: storage, pool: pool)
    try contract.write(to: &writer)
    try writer.add(.recipe, recipe.json)

    let encoder = TensorEncoder(recipe: recipe, pool: pool)
    let parameters = contract.configuration.parameters
    let total = Double(parameters.reduce(0) { $0 + $1.shape.count })
    var done = 0
    var measures: [TensorMeasure] = []
    for parameter in parameters {
      let encoded = try encoder.encode(checkpoint.tensor(parameter.name), parameter)
      let before = writer.modelBytes
      try writer.add(encoded.description, encoded.content)
      measures.append(
        TensorMeasure(
          parameter.name, storedBytes: writer.modelBytes - before, count: parameter.shape.count,
          relativeSquaredError: encoded.relativeSquaredError))
      checkpoint.release(parameter.name)
      done += parameter.shape.count
      progress(.coding(Double(done) / total))
    }
    let restorable = Provenance.canRestore(recipe)
    if restorable {
      for companion in checkpoint.companions {
        guard companion.name.utf8.count <= PackWriter.longestName else {
          throw Refusal(
            "a tensor's name is \(companion.name.utf8.count) bytes, at most "
              + "\(PackWriter.longestName) are allowed (\"\(companion.name.prefix(60))…\")")
        }
        let encoded = TensorEncoder.companion(companion.name, companion.tensor)
        try writer.add(encoded.description, encoded.content)
      }
    }

    writer.beginEvidence()
    var agreement: Comparison?
    if makesEvidence {
      let pack = try writer.readBack()
      var evidence = try gatherEvidence(checkpoint, contract, pack, progress)
      evidence.tensors = measures
      try evidence.write(to: &writer)
      agreement = evidence.reached
    }
    progress(.finishing)
    let provenance = Provenance(checkpoint: checkpoint, digests: digests.wait(), recipe: recipe)
    try provenance.write(to: &writer)
    for file in checkpoint.files where file.safetensors.file.hasChanged {
      throw Refusal(
        "'\(file.safetensors.file.path)' has changed while it was read, so the pack would be of no one "
          + "checkpoint; convert again when nobody writes to it")
    }
    let weightBytes = writer.modelBytes
    let preamble = try writer.finish()
    return Summary(
      sourceBytes: checkpoint.files.reduce(0) { $0 + $1.safetensors.file.count },
      packBytes: preamble.fileSize, weightBytes: weightBytes, parameterCount: Int(total),
      contentDigest: preamble.contentDigest, agreement: agreement,
      notes: checkpoint.assumptions + contract.notes)
  }

  private func gatherEvidence(
    _ checkpoint: Checkpoint, _ contract: Contract, _ pack: Pack, _ progress: (Progress) -> Void
  ) throws -> Evidence {
    let probes = try Probes.gather(
      configuration: contract.configuration, preprocessing: contract.preprocessing,
      tokenizer: contract.tokenizer, images: evidenceImages, texts: evidenceTexts)
    progress(.runningOriginal)
    let original = try probes.embeddings(
      of: checkpoint, contract.configuration, contract.preprocessing, pool, observing: true)
    progress(.runningPack)
    let model = try Model(pack, keepingMatrices: false)
    let reached = Comparison(
      try probes.embeddings(of: model, observing: true), with: original)
    return Evidence(
      probes: probes, original: original, reached: reached, floor: Evidence.floor(for: reached))
  }

  private func refuseSource(_ checkpoint: Checkpoint, as destination: FilePath) throws(Refusal) {
    for file in checkpoint.files where FileKind.areSame(file.safetensors.file.path, destination) {
      throw Refusal(
        "the output '\(destination)' is the source itself; give another name with -o")
    }
  }
}
