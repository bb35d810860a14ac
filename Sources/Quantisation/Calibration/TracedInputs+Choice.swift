package import Architecture
internal import Evidence
internal import Images
internal import SystemPackage
package import Tokenizers

extension TracedInputs {
  /// As many rows as second moments of the widest layers need, and memory allows.
  private static let tokens = 1_800
  private static let pictures = 8...48
  /// Elements of one value, of all pictures together: 256 MB. Large maps are of fewer pictures.
  private static let mostElements = 1 << 26
  /// Those of which gradients are taken, where nothing else is asked.
  private static let fewPictures = 4
  private static let fewTexts = 16

  /// Pictures and texts for a model. The texts, and the pictures where none are given, are
  /// built-in.
  package init(
    for graph: NetworkGraph, _ preprocessing: Preprocessing?, _ tokenizer: Tokenizer?,
    calibration: CalibrationChoice
  ) throws {
    var chosen: [FilePath] = []
    if case .pictures(let paths) = calibration { chosen = paths }
    areBuiltIn = chosen.isEmpty
    let probes = try Probes.gather(
      graph: graph, preprocessing: preprocessing, tokenizer: tokenizer,
      images: chosen, texts: [])
    if let tokenizer, let text = graph.text {
      let some = CalibrationTexts.all.prefix(calibration == .none ? Self.fewTexts : .max)
      texts = some.map { tokenizer.encode($0, limit: text.tokens.upperBound).ids.map(Int.init) }
    } else {
      texts = Array(probes.texts.prefix(calibration == .none ? Self.fewTexts : .max))
    }
    guard let image = graph.image, let size = graph.imageSize, let preprocessing
    else { return }
    let count =
      calibration == .none
      ? Self.fewPictures
      : min(
        max(Self.tokens / image.tokenRows, Self.pictures.lowerBound), Self.pictures.upperBound,
        max(Self.mostElements / image.largestImageValue, 1))
    var pictures = probes
    if chosen.isEmpty {
      pictures.levels = CalibrationPictures.all(size: size, count).flatMap(\.self)
    }
    if chosen.count > count {
      notes.append("of \(chosen.count) pictures to round for the first \(count) are taken")
    }
    pixels = try pictures.pixels(preprocessing).prefix(count).map(\.values)
  }
}
