import Architecture
import ArgumentParser
import Bytes
import Checkpoints
import Concurrency
import Conversion
import Evidence
import PackFormat
import Quantisation
import SystemPackage

struct Convert: Command {
  static let configuration = CommandConfiguration(
    abstract: "Make a pack of a checkpoint, and measure how it answers.",
    discussion: """
      SOURCE is a .safetensors, .bin, .pt, .pth or .ckpt file (told by content, not by name), an \
      index of shards (*.index.json), a checkpoint folder, or a hub id \
      such as openai/clip-vit-base-patch32 in the local Hugging Face cache. Configuration, \
      preprocessing and tokenizer are read from the files beside the weights.
      """)

  @Argument(help: "The checkpoint.")
  var source: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The pack; the source's name with .clippack unless given.", valueName: "file"))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Merge this LoRA adapter (PEFT's or kohya's names) into the weights first.",
      valueName: "dir|file"))
  var adapter: String?

  @Option(
    help: ArgumentHelp(
      "Take the text tower of this checkpoint: M-CLIP's, sentence-transformers', another CLIP's.",
      valueName: "source"))
  var textTower: String?

  @Option(help: "The activation, where no file says it.")
  var activation: CLIPConfiguration.Activation?

  @Option(help: "How weights are coded (default: int8, unless a rate is given).")
  var to: Recipe.Target?

  @OptionGroup var rate: RateOptions

  @Flag(
    help: ArgumentHelp(
      "Make no pack: print what packs of 2 to 8 bits a weight would be, and draw it (-o, .svg)."))
  var explore = false

  @Option(help: "How the pack is stored: compact, to ship, or mapped, to run in place.")
  var storage = Storage.compact

  @Option(help: "Which towers are taken.")
  var towers = Recipe.Towers.both

  @Option(
    help: ArgumentHelp(
      "Folder of the tokenizer's files (default: beside the weights).", valueName: "dir"))
  var tokenizer: String?

  @Option(
    help: ArgumentHelp(
      "Your own pictures to measure with: recommended, as the built-in ones are drawn.",
      valueName: "dir"))
  var evidenceImages: String?

  @Option(
    help: ArgumentHelp("Your own texts to measure with, one a line.", valueName: "file"))
  var evidenceTexts: String?

  @Option(
    help: ArgumentHelp(
      "What int8 weights and those at a rate are rounded for: a folder of your pictures, built-in "
        + "ones (the default), or none (each weight by itself: quick, and less near).",
      valueName: "dir|built-in|none"))
  var calibration: String?

  @Flag(help: "Do not run the original and the pack; verify then needs --against.")
  var noEvidence = false

  @Flag(
    help: ArgumentHelp(
      "Keep tensors that have NaN or infinite values as they are; without this they are refused, "
        + "except by --to lossless."))
  var allowNonFinite = false

  @OptionGroup var common: Common

  func validate() throws {
    guard to == nil || rate.rate == nil else {
      throw ValidationError(
        "--to and a rate (--bits, --max-bytes, --min-cosine) exclude each other.")
    }
    guard !explore || (to == nil && rate.rate == nil && !noEvidence) else {
      throw ValidationError(
        "--explore tries rates and runs them; --to, a rate and --no-evidence do not go with it.")
    }
    guard calibration == nil || (to ?? .int8) == .int8 else {
      throw ValidationError(
        "--calibration is for int8 and for rates; --to \(to?.rawValue ?? "") rounds each weight by "
          + "itself.")
    }
  }

  func perform() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let checkpoint = try Checkpoint(
      argument: source, adapter: adapter, textTower: textTower, activation: activation)
    var notes: [String] = []
    let conversion = try conversion(noting: &notes)
    try noteFiles(beside: checkpoint)
    let name = output ?? Self.name(for: source, explore ? ".svg" : ".clippack")
    let destination = try outputPath(name)
    guard !explore else {
      return try self.explore(conversion, checkpoint, destination, noting: notes)
    }
    let terminal = common.terminal
    var summary: Conversion.Summary
    do {
      defer { terminal.endProgress() }
      summary = try naming(source) {
        try conversion.run(checkpoint, to: destination) { show($0, terminal) }
      }
    }
    summary.notes = notes + summary.notes
    for note in summary.notes { terminal.note("note: \(note)") }
    let seconds =
      Double(start.duration(to: clock.now).components.attoseconds) / 1e18
      + Double(start.duration(to: clock.now).components.seconds)
    try emit(
      common.json
        ? [summary.json(output: destination, seconds: seconds)]
        : text(summary, destination, seconds))
  }

  /// What the options ask for.
  private func conversion(noting notes: inout [String]) throws -> Conversion {
    var recipe = Recipe(target: to ?? .int8, towers: towers, rate: rate.rate)
    recipe.allowsNonFinite = allowNonFinite
    let images =
      try evidenceImages.map {
        try PictureFolder(FilePath(argument: $0)).taken(noting: &notes)
      } ?? []
    let lines =
      try evidenceTexts.map { try texts(listedIn: FilePath(argument: $0), noting: &notes) } ?? []
    let choice: CalibrationChoice =
      switch calibration {
      case nil, "built-in": .builtIn
      case "none": .none
      case let folder?:
        .pictures(try PictureFolder(FilePath(argument: folder)).taken(noting: &notes))
      }
    return Conversion(
      recipe: recipe, storage: storage, tokenizerFolder: tokenizer.map { FilePath(argument: $0) },
      evidenceImages: images, evidenceTexts: lines, makesEvidence: !noEvidence,
      calibration: choice, pool: common.pool)
  }

  /// Remembers the files beside the weights as inputs, whether they are going to be read or not.
  private func noteFiles(beside checkpoint: Checkpoint) throws {
    let folders = [checkpoint.folder, checkpoint.tokenizerFolder]
    for folder in folders + (tokenizer.map { [FilePath(argument: $0)] } ?? []) {
      for path in try Folder.entries(in: folder.isEmpty ? "." : folder)
      where Self.endings.contains(where: path.string.hasSuffix) {
        ReadFiles.note(path)
      }
    }
  }

  private static let endings = [
    ".json", ".txt", ".safetensors", ".bin", ".pt", ".pth", ".ckpt",
  ]

  /// `model.safetensors` → `model.clippack`, in the working directory.
  static func name(for source: String, _ ending: String = ".clippack") -> String {
    // By hand, for bytes that are not UTF-8 have a zero before them here.
    let last = source.split(separator: "/").last.map(String.init) ?? "model"
    let endings = [
      ".safetensors.index.json", ".bin.index.json", ".safetensors", ".bin", ".pt", ".pth", ".ckpt",
    ]
    for known in endings where last.hasSuffix(known) {
      return last.dropLast(known.count) + ending
    }
    return (last == "." || last == ".." ? "model" : last) + ending
  }

  private func text(
    _ summary: Conversion.Summary, _ destination: FilePath, _ seconds: Double
  ) -> [String] {
    let share = 100 * Double(summary.packBytes) / Double(summary.sourceBytes)
    var lines = [
      "\(destination): \(size(summary.sourceBytes)) → \(size(summary.packBytes)) "
        + "(\(decimal(share, 1)) %), \(decimal(summary.bitsPerWeight, 2)) bits a weight, "
        + "\(decimal(seconds, 1)) s"
    ]
    if let comparison = summary.comparison {
      lines += ComparisonText.lines(comparison)
    } else {
      lines.append("  not measured (--no-evidence)")
    }
    lines.append("  content \(summary.contentDigest)")
    return lines
  }
}
