import Architecture
import ArgumentParser
import Bytes
import CLIP
import ClipPack
import Conversion
import SystemPackage

struct Embed: Command {
  static let configuration = CommandConfiguration(
    abstract: "Print the L2-normalised embeddings of pictures or texts, one a line.")

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(
    parsing: .upToNextOption, help: ArgumentHelp("PNG or JPEG pictures.", valueName: "file"))
  var image: [String] = []

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Texts.", valueName: "s"))
  var text: [String] = []

  @OptionGroup var computing: Computing
  @OptionGroup var common: Common

  func validate() throws {
    guard image.isEmpty != text.isEmpty else {
      throw ValidationError("Give either --image FILE… or --text S….")
    }
  }

  func perform() throws {
    let model = try open(pack, common, computing)
    let embeddings = try naming(pack) {
      image.isEmpty
        ? try model.embed(texts: try common.warnOfTruncation(text, model))
        : try model.embed(images: image.map { FilePath($0) })
    }
    if common.json {
      try emit(
        JSON.object([
          "embeddings": .array(
            embeddings.map { .array($0.map { JSON(finite: Double("\($0)") ?? .nan) }) })
        ]))
    } else {
      for embedding in embeddings {
        try emit(embedding.map { "\($0)" }.joined(separator: " "))
      }
    }
  }
}

extension Common {
  /// Says which texts are longer than the model can read.
  func warnOfTruncation(_ texts: [String], _ model: Model) throws -> [String] {
    for text in texts where try model.ids(of: text).isTruncated {
      terminal.note(
        "note: \"\(text.prefix(40))…\" has more than "
          + "\(model.configuration.text?.positions ?? 0) tokens; the rest is not read")
    }
    return texts
  }
}
