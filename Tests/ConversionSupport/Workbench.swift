internal import Bytes
internal import Checkpoints
public import ClipPack
public import Concurrency
public import Conversion
internal import Kernels
public import PackFormat
public import Quantisation
public import SystemPackage
public import TestSupport

/// Converts fixtures into a folder that goes with this object.
public final class Workbench {
  public let folder = TemporaryFolder()
  public let pool = WorkerPool(threads: 2)

  public init() {}

  public static let models = [
    "bfloat16", "cropped-image", "early-end", "float16", "gelu", "image-only", "open-clip",
    "openai-bare", "patch-32", "quick-gelu", "sharded", "text-only",
  ]

  public static func source(_ model: String) -> FilePath {
    let folder = Fixture.path("models/\(model)")
    // Without a configuration beside it, the file itself is the source.
    return model == "openai-bare" ? folder.appending("model.safetensors") : folder
  }

  public typealias Result = (path: FilePath, summary: Conversion.Summary)

  @discardableResult
  public func convert(
    _ source: FilePath, to target: Recipe.Target, storage: Storage = .compact,
    towers: Recipe.Towers = .both, rate: Rate? = nil, threads: Int = 2, evidence: Bool = true,
    calibration: CalibrationChoice? = nil, as name: String = "x"
  ) throws -> Result {
    let path = folder.appending("\(name).clippack")
    let conversion = Conversion(
      recipe: Recipe(target: target, towers: towers, rate: rate), storage: storage,
      makesEvidence: evidence,
      calibration: calibration ?? (rate == nil ? .none : .builtIn),
      pool: WorkerPool(threads: threads))
    let summary = try conversion.run(Checkpoint(source.string), to: path)
    return (path, summary)
  }

  public func model(_ path: FilePath) throws -> Model {
    let pack = try Pack(path, pool: pool)
    try pack.validate()
    return try Model(pack, keepingMatrices: false)
  }

  public static func bytes(_ path: FilePath) throws -> [UInt8] {
    let file = try MappedFile(path)
    let bytes = file.bytes
    return bytes.array
  }
}
