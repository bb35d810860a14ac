import Architecture
import ArgumentParser
import Bytes
import ClipPack
import Conversion
import SystemPackage
import Towers

struct Embed: Command {
  static let configuration = CommandConfiguration(
    abstract: "Compute the L2-normalised embeddings of pictures or texts, any number of them.",
    discussion: """
      Without -o, an embedding a line goes to standard output. With -o vectors.npy, they become a \
      NumPy array, float32 (pictures, width), and the paths of its rows the lines of vectors.txt. \
      With -o vectors.jsonl, or --jsonl on standard output, each becomes a JSON object: image (or \
      text) and embedding.

      A picture that cannot be read is reported on standard error and left out; the exit status is \
      1 then. Of a folder, the .png, .jpg and .jpeg files are taken in the order of their names, \
      those in folders within are not: find DIR -name '*.jpg' -print0 | clip-pack embed PACK \
      --images-from - -0 takes them all.
      """)

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("PNG or JPEG pictures, and folders of them.", valueName: "file"))
  var image: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file of paths of pictures, one a line; - for standard input.", valueName: "file"))
  var imagesFrom: String?

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Texts.", valueName: "s"))
  var text: [String] = []

  @Option(
    help: ArgumentHelp("A file of texts, one a line; - for standard input.", valueName: "file"))
  var textsFrom: String?

  @Flag(
    name: [.customShort("0"), .customLong("null")],
    help: "Zero bytes, not line ends, separate what is listed: in files read and written.")
  var null = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("A file to write: .npy or .jsonl.", valueName: "file"))
  var output: String?

  @Flag(help: "Print a JSON object for each picture or text, one a line.")
  var jsonl = false

  @OptionGroup var computing: Computing
  @OptionGroup var common: Common

  func validate() throws {
    let given = [!image.isEmpty, imagesFrom != nil, !text.isEmpty, textsFrom != nil]
    guard given.count(where: \.self) == 1 else {
      throw ValidationError(
        "Give one of --image FILE…, --images-from FILE, --text S… and --texts-from FILE.")
    }
    guard output.map({ $0.hasSuffix(".npy") || $0.hasSuffix(".jsonl") }) ?? true else {
      throw ValidationError(
        "-o is '\(output ?? "")', a name that ends in .npy or .jsonl is needed.")
    }
    guard !jsonl || output == nil && !common.json else {
      throw ValidationError("--jsonl, --json and -o exclude each other.")
    }
  }

  func perform() throws {
    let inputs = [pack] + image + [imagesFrom, textsFrom].compactMap(\.self)
    for file in [output, list].compactMap(\.self) { try refuse(file, among: inputs) }
    let model = try open(pack, common, computing)
    let sink = try sink(model.configuration.projectionWidth)
    if image.isEmpty && imagesFrom == nil {
      try embedTexts(model, into: sink)
    } else {
      try embedPictures(model, into: sink)
    }
  }

  /// Where the paths of a NumPy file's rows go.
  var list: String? {
    guard let output, output.hasSuffix(".npy"), text.isEmpty, textsFrom == nil else { return nil }
    return output.dropLast(4) + ".txt"
  }

  var separator: UInt8 { null ? 0 : UInt8(ascii: "\n") }

  private func sink(_ width: Int) throws -> any EmbeddingSink {
    let noun = image.isEmpty && imagesFrom == nil ? "text" : "image"
    switch output {
    case let path? where path.hasSuffix(".npy"):
      return try NumPySink(
        FilePath(path), width: width, list: list.map { FilePath($0) }, separator: separator)
    case let path?: return JSONLinesSink(noun, try AtomicFile(replacing: FilePath(path)))
    case nil where common.json: return JSONSink(noun)
    case nil: return jsonl ? JSONLinesSink(noun) : TextSink()
    }
  }
}
