// The functions have the names of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import Bytes
public import CClipPack
internal import Checkpoints
internal import Conversion
internal import Evidence
internal import PackFormat
internal import Platform
internal import Quantisation
internal import SystemPackage

@c @implementation public func clippack_convert(
  _ source: UnsafePointer<CChar>?, _ output: UnsafePointer<CChar>?,
  _ options: UnsafePointer<CChar>?, _ progress: clippack_progress?,
  _ context: UnsafeMutableRawPointer?,
  _ report: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  unsafe report?.pointee = nil
  return call {
    let source = unsafe try Inputs.string(source, "source")
    let output = unsafe try Inputs.path(output, "output")
    let text = unsafe try options == nil ? nil : Inputs.string(options, "options")
    let options = try Options(text, allowing: Conversion.optionKeys)
    let conversion = try Conversion(options)
    let clock = ContinuousClock()
    let start = clock.now
    let summary = try naming(source) {
      let checkpoint = try Checkpoint(
        source, adapter: options.path("adapter").map { try Adapter($0) })
      return try conversion.run(checkpoint, to: output) { step in
        guard let progress = unsafe progress else { return }
        let (name, share) = step.words
        unsafe name.withCString { unsafe progress(context, $0, share) }
      }
    }
    let json = summary.json(output: output, seconds: (clock.now - start) / .seconds(1))
    unsafe report?.pointee = Outputs.report(json)
  }
}

extension Conversion {
  fileprivate static let optionKeys = [
    "to", "bits", "max_bytes", "min_cosine", "storage", "towers", "tokenizer", "adapter",
    "calibration", "evidence", "evidence_images", "evidence_texts", "allow_non_finite", "threads",
  ]

  fileprivate init(_ options: Options) throws {
    let rates = try [
      options.number("bits").map(Rate.bits), options.natural("max_bytes").map(Rate.maxBytes),
      options.number("min_cosine").map(Rate.minCosine),
    ].compactMap(\.self)
    let target = try options.one("to", of: Recipe.Target.self)
    guard rates.count + (target == nil ? 0 : 1) <= 1 else {
      throw ArgumentError("to, bits, max_bytes and min_cosine exclude one another")
    }
    switch rates.first {
    case .bits(let bits) where !Rate.bitsAllowed.contains(bits):
      throw ArgumentError("bits is \(plain(bits)), 2 to 9 are allowed")
    case .minCosine(let cosine) where !(0..<1 ~= cosine):
      throw ArgumentError("min_cosine is \(plain(cosine)), 0 to below 1 are allowed")
    default: break
    }
    var recipe = Recipe(
      target: target ?? .int8, towers: try options.one("towers", of: Recipe.Towers.self) ?? .both,
      rate: rates.first)
    recipe.allowsNonFinite = try options.flag("allow_non_finite") ?? false
    let calibration = try Self.calibration(options)
    guard calibration == nil || recipe.target == .int8 else {
      throw ArgumentError("calibration is for int8 and for rates")
    }
    self.init(
      recipe: recipe, storage: try options.one("storage", of: Storage.self) ?? .compact,
      tokenizerFolder: try options.path("tokenizer"),
      evidenceImages: try (options.strings("evidence_images") ?? []).map { FilePath($0) },
      evidenceTexts: try options.strings("evidence_texts") ?? [],
      makesEvidence: try options.flag("evidence") ?? true, calibration: calibration ?? .builtIn,
      pool: try options.pool)
  }

  private static func calibration(_ options: Options) throws -> CalibrationChoice? {
    let kind = "\"built-in\", \"none\" or an array of paths"
    return try options.value("calibration", kind) { json in
      switch json {
      case "built-in": return .builtIn
      case "none": return CalibrationChoice.none
      case .array(let array) where !array.isEmpty:
        let paths = array.compactMap { $0.string.map { FilePath($0) } }
        return paths.count == array.count ? .pictures(paths) : nil
      default: return nil
      }
    }
  }
}

extension Conversion.Progress {
  /// What is going on, and how much of it is done.
  fileprivate var words: (String, Double) {
    switch self {
    case .measuring(let share): ("measuring", share)
    case .calibrating(let share): ("calibrating", share)
    case .coding(let share): ("coding", share)
    case .runningOriginal: ("running the original", -1)
    case .runningPack: ("running the pack", -1)
    case .finishing: ("finishing", -1)
    }
  }
}
