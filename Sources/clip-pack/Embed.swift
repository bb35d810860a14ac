import Architecture
import ArgumentParser
import Bytes
import ClipPack
import Datasets
import SystemPackage
import Towers

struct Embed: Command {
  static let configuration = CommandConfiguration(
    abstract: "Compute the L2-normalised embeddings of pictures or texts, any number of them.",
    discussion: """
      Without -o, an embedding a line goes to standard output. With -o vectors.npy, they become a \
      NumPy array, float32 (pictures, width), and the paths of its rows the lines of vectors.txt. \
      With -o vectors.jsonl, or --jsonl on standard output, each becomes a JSON object: image (or \
      text) and embedding; a path that is not UTF-8 has the key image_base64. Beside a file of \
      vectors, vectors.meta.json tells what they are: embedding_space, content_digest, compute, \
      tool_version, dtype, shape. Vectors of another space are not replaced without --overwrite.

      A picture that cannot be read is reported on standard error and left out; the exit status is \
      1 then. Of a folder, the .png, .jpg, .jpeg and .webp files are taken in the order of their \
      names, those in folders within are not: find DIR -name '*.jpg' -print0 | clip-pack embed \
      PACK --images-from - -0 takes them all.

      --shards takes WebDataset tars and lists of paths, each a shard that is embedded by itself \
      into the folder -o, in clip-retrieval's layout: img_emb, text_emb (of captions in .txt), \
      metadata (Parquet). There an unreadable picture has a row of zeros and its error. Shards \
      that are complete are left as they are, so that the same command goes on where it was \
      stopped.
      """)

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("PNG, JPEG or WebP pictures, and folders of them.", valueName: "file"))
  var image: [Values] = []

  @Option(
    help: ArgumentHelp(
      "A file of paths of pictures, one a line; - for standard input.", valueName: "file"))
  var imagesFrom: String?

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Texts.", valueName: "s"))
  var text: [Values] = []

  @Option(
    help: ArgumentHelp("A file of texts, one a line; - for standard input.", valueName: "file"))
  var textsFrom: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "WebDataset tars (.tar) and lists of paths of pictures: each a shard.", valueName: "file"))
  var shards: [Values] = []

  @Option(
    help: ArgumentHelp(
      "With --shards: every nth of them, from the ith on, counted from 0; for n machines.",
      valueName: "i/n"),
    transform: ShardPart.init)
  var shard: ShardPart?

  @Option(help: "What .npy files hold: f32, or f16 for half the size.")
  var dtype = VectorType.f32

  @Option(
    help: ArgumentHelp(
      "Accept up to this many pictures that cannot be read, and stop at one more.", valueName: "n"),
    transform: wholeNumber(from: "0 up"))
  var maxFailures: Int?

  @Flag(
    name: [.customShort("0"), .customLong("null")],
    help: "Zero bytes, not line ends, separate what is listed: in files read and written.")
  var null = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "A file to write: .npy or .jsonl; with --shards a folder.", valueName: "file"))
  var output: String?

  @Flag(help: "Print a JSON object for each picture or text, one a line.")
  var jsonl = false

  @Flag(help: "Replace vectors that lie in another space, or that have no record of one.")
  var overwrite = false

  @Option(
    help: ArgumentHelp(
      "Refuse unless the pack embeds into the space of these vectors, by their record.",
      valueName: "meta.json"))
  var sameSpaceAs: String?

  @Option(
    help: ArgumentHelp(
      "Write what comes out of a layer in place of embeddings, all rows of each input: 0 is what "
        + "goes into the first block, N what comes out of block N, -1 of the last; needs -o "
        + "NAME.npy.",
      valueName: "n"),
    transform: wholeNumber(from: "0 up, or -1 down from the last layer"))
  var layer: Int?

  @OptionGroup var computing: Computing
  @OptionGroup var common: Common

  func validate() throws {
    let given = [
      !image.isEmpty, imagesFrom != nil, !text.isEmpty, textsFrom != nil, !shards.isEmpty,
    ]
    if !given.contains(true), let word = CommandLineWords.given.wordAfterPack {
      throw ValidationError("'\(word)' needs --image or --text before it.")
    }
    guard given.count(where: \.self) == 1 else {
      throw ValidationError(
        "Give one of --image FILE…, --images-from FILE, --text S…, --texts-from FILE and --shards "
          + "FILE….")
    }
    guard shard == nil || !shards.isEmpty else {
      throw ValidationError("--shard needs --shards FILE….")
    }
    if let maxFailures, maxFailures < 0 {
      throw ValidationError("--max-failures is \(maxFailures), 0 and more are allowed.")
    }
    guard dtype == .f32 || !shards.isEmpty || output?.hasSuffix(".npy") ?? false else {
      throw ValidationError("--dtype f16 needs -o FILE.npy or --shards FILE….")
    }
    guard shards.isEmpty else {
      guard output != nil, !jsonl, !null else {
        throw ValidationError("--shards needs a folder, -o DIR, without --jsonl and -0.")
      }
      return
    }
    guard output.map({ $0.hasSuffix(".npy") || $0.hasSuffix(".jsonl") }) ?? true else {
      throw ValidationError(
        "-o is '\(output ?? "")', a name that ends in .npy or .jsonl is needed.")
    }
    guard layer == nil || output?.hasSuffix(".npy") == true else {
      throw ValidationError("--layer gives a matrix for each input; it needs -o NAME.npy.")
    }
    guard !jsonl || output == nil && !common.json else {
      throw ValidationError("--jsonl, --json and -o exclude each other.")
    }
  }

  func perform() throws {
    guard shards.isEmpty else { return try embedShards() }
    let inputs = [pack] + images + [imagesFrom, textsFrom].compactMap { $0 == "-" ? nil : $0 }
    for input in inputs { ReadFiles.note(FilePath(argument: input)) }
    for file in [output, list].compactMap(\.self) { _ = try outputPath(file) }
    let vectors = output.map { FilePath(argument: $0) }
    let record = vectors.map(EmbeddingRecord.path)
    let older = record.flatMap { FileKind(of: $0) == nil ? nil : $0 }
    if !overwrite, older == nil, let vectors, let record, FileKind(of: vectors) == .file {
      throw Refusal(
        "'\(vectors)' is there already, and no '\(record)' tells in which space it is", .exists,
        about: vectors)
    }
    let model = try open(pack, common, computing)
    let embeddingRecord = try naming(pack) {
      try EmbeddingRecord(model, of: embedsTexts ? "texts" : "images", layer: layer)
    }
    if let sameSpaceAs { try embeddingRecord.check(FilePath(argument: sameSpaceAs)) }
    if !overwrite, let older { try embeddingRecord.check(older) }
    var stage: (name: String, extents: [Int])?
    if let layer { stage = try self.stage(ofLayer: layer, model) }
    let sink = try sink(embeddingRecord, stage?.extents ?? [model.graph.width])
    if let stage {
      try embedLayer(stage.name, model, into: sink)
    } else if embedsTexts {
      try embedTexts(model, into: sink)
    } else {
      try embedPictures(model, into: sink)
    }
  }

  var images: [String] { Values.all(image) }
  var texts: [String] { Values.all(text) }
  var embedsTexts: Bool { image.isEmpty && imagesFrom == nil }

  /// Where the paths of a NumPy file's rows go.
  var list: String? {
    guard let output, output.hasSuffix(".npy"), text.isEmpty, textsFrom == nil else { return nil }
    return output.dropLast(4) + ".txt"
  }

  var separator: UInt8 { null ? 0 : UInt8(ascii: "\n") }

  private func sink(
    _ record: EmbeddingRecord, _ extents: [Int]
  ) throws -> any EmbeddingSink {
    let width = extents[0]
    switch output {
    case let path? where path.hasSuffix(".npy"):
      return try NumPySink(
        record, FilePath(argument: path), extents: extents,
        list: list.map { FilePath(argument: $0) }, separator: separator, type: dtype)
    case let path?:
      return JSONLinesSink(
        record, width: width, try AtomicFile(replacing: FilePath(argument: path)))
    case nil where common.json: return JSONSink(record)
    case nil: return jsonl ? JSONLinesSink(record, width: width) : TextSink()
    }
  }
}
