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
    for parameter in parameters {
      let encoded = try encoder.encode(checkpoint.tensor(parameter.name), parameter)
      try writer.add(encoded.description, encoded.content)
      checkpoint.release(parameter.name)
      done += parameter.shape.count
      progress(.coding(Double(done) / total))
    }
    let restorable = Provenance.canRestore(recipe)
    if restorable {
      for companion in checkpoint.companions {
        let encoded = TensorEncoder.companion(companion.name, companion.tensor)
        try writer.add(encoded.description, encoded.content)
      }
    }

    writer.beginEvidence()
    var agreement: Comparison?
    if makesEvidence {
      let pack = try writer.readBack()
      let evidence = try gatherEvidence(checkpoint, contract, pack, progress)
      try evidence.write(to: &writer)
      agreement = evidence.reached
    }
    progress(.finishing)
    let provenance = Provenance(checkpoint: checkpoint, digests: digests.wait(), recipe: recipe)
    try provenance.write(to: &writer)
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
      of: checkpoint, contract.configuration, contract.preprocessing, pool)
    progress(.runningPack)
    let model = try Model(pack, keepingMatrices: false)
    let float32 = try probes.embeddings(of: model)
    let reached = Comparison(float32, with: original, try? model.similarity())
    var evidence = Evidence(
      probes: probes, original: original, reached: reached, floor: Evidence.floor(for: reached))
    for compute in [Compute.bf16, .int8] where pack.has(compute) {
      let model = try Model(pack, keepingMatrices: false, compute: compute)
      let found = try probes.embeddings(of: model)
      evidence.otherwise.append(
        (
          compute, Comparison(found, with: original, try? model.similarity()),
          Comparison(found, with: float32, nil).cosineMinimum
        ))
    }
    return evidence
  }

  private func refuseSource(_ checkpoint: Checkpoint, as destination: FilePath) throws(Refusal) {
    for file in checkpoint.files where FileKind.areSame(file.safetensors.file.path, destination) {
      throw Refusal(
        "the output '\(destination)' is the source itself; give another name with -o")
    }
  }
}

extension Pack {
  /// Whether a kind of computation makes a difference to this pack.
  fileprivate func has(_ compute: Compute) -> Bool {
    switch compute {
    case .f32, .bf16: true
    case .int8: tensors.contains { $0.isModel && $0.codec == PackedTensor.Codec.grid.rawValue }
    }
  }
}
