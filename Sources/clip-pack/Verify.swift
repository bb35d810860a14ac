import Architecture
import ArgumentParser
import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Conversion
import Evidence
import Kernels
import PackFormat
import SystemPackage
import Tensors

struct Verify: Command {
  static let configuration = CommandConfiguration(
    abstract: "Check every byte of a pack, run it, and compare its answers with its original's.",
    discussion: """
      Checks every byte of the pack, then runs it. Alone, the answers are compared with those that \
      the maker recorded; --against compares every tensor, the tokenizer and the preprocessing \
      with the source's and runs both; --reference takes the answers of another implementation \
      from a file; --published asks whether these are the weights of a well-known checkpoint.
      """)

  @Argument(help: "The pack; the only *.clippack in the working directory unless given.")
  var pack: String?

  @Option(help: ArgumentHelp("Run this checkpoint beside the pack.", valueName: "source"))
  var against: String?

  @Option(
    help: ArgumentHelp(
      "With --against: the LoRA adapter that the pack was made with.", valueName: "dir|file"))
  var adapter: String?

  @Option(
    help: ArgumentHelp(
      "With --against: the checkpoint that the text tower was taken from.", valueName: "source"))
  var textTower: String?

  @Option(help: "With --against: the activation that was given.")
  var activation: CLIPConfiguration.Activation?

  @Option(
    help: ArgumentHelp(
      "With --against: the folder of the tokenizer, where it is not beside the source.",
      valueName: "dir"))
  var tokenizer: String?

  @Flag(help: "With --against: code the source again and compare the whole content.")
  var rebuild = false

  @Option(
    help: ArgumentHelp(
      "With --rebuild: the pictures that the pack was rounded for, where convert --calibration had "
        + "a folder.", valueName: "dir"))
  var calibration: String?

  @Option(
    help: ArgumentHelp(
      "Answers of transformers or open_clip, from Scripts/export_reference.py.", valueName: "file"))
  var reference: String?

  @Flag(
    help: ArgumentHelp(
      "Compare with answers that public test suites assert of the original weights, for a pack of "
        + "openai/clip-vit-base-patch32."))
  var published = false

  @Option(
    help: ArgumentHelp(
      "With --published: take the answers from this file, of the form that Formats/published.md "
        + "describes.", valueName: "json"))
  var publishedAnswers: String?

  @Option(
    help: ArgumentHelp(
      "The lowest cosine that passes; else what the maker recorded, or with --against and "
        + "--reference 0.999.", valueName: "c"),
    transform: number(from: "-1 to 1"))
  var minCosine: Double?

  @Option(help: ArgumentHelp("With --against: compare on these pictures too.", valueName: "dir"))
  var evidenceImages: String?

  @Option(help: ArgumentHelp("With --against: compare on these texts too.", valueName: "file"))
  var evidenceTexts: String?

  @Option(
    help: ArgumentHelp(
      "Require a signature by this key, a PEM file as keygen writes it.", valueName: "pub"))
  var publicKey: String?

  @Option(
    help: ArgumentHelp(
      "Write all that was measured, for people, as one HTML file.", valueName: "html"))
  var report: String?

  @Option(help: "Check the bytes of one tower alone, without running it.")
  var tower: Tower?

  @Option(help: ArgumentHelp("Check the bytes of one tensor alone.", valueName: "name"))
  var tensor: String?

  @Option(help: "What products are computed in, whatever embed uses.")
  var compute = Compute.f32

  @OptionGroup var common: Common

  func validate() throws {
    if rebuild, against == nil {
      throw ValidationError("--rebuild needs --against SOURCE.")
    }
    if calibration != nil, !rebuild {
      throw ValidationError("--calibration needs --against SOURCE --rebuild.")
    }
    if adapter != nil, against == nil {
      throw ValidationError("--adapter needs --against SOURCE.")
    }
    if textTower != nil || activation != nil, against == nil {
      throw ValidationError("--text-tower and --activation need --against SOURCE.")
    }
    if tokenizer != nil, against == nil {
      throw ValidationError("--tokenizer needs --against SOURCE.")
    }
    if evidenceImages != nil || evidenceTexts != nil, against == nil {
      throw ValidationError("--evidence-images and --evidence-texts need --against SOURCE.")
    }
    guard [against != nil, reference != nil, published].count(where: { $0 }) <= 1 else {
      throw ValidationError(
        "--against, --reference and --published are three questions; ask one at a time.")
    }
    if publishedAnswers != nil, !published {
      throw ValidationError("--published-answers needs --published.")
    }
    if published, minCosine != nil || report != nil || compute != .f32 {
      throw ValidationError(
        "--published compares in f32, with tolerances of its own and without a report; leave out "
          + "--min-cosine, --compute and --report.")
    }
    if tower != nil || tensor != nil {
      guard tower == nil || tensor == nil, against == nil, reference == nil, !published else {
        throw ValidationError("--tower and --tensor each stand alone, without running the pack.")
      }
    }
    if let minCosine, !(-1...1).contains(minCosine) {
      throw ValidationError("--min-cosine is \(plain(minCosine)), -1 to 1 are allowed.")
    }
  }

  func perform() throws {
    let path = try pack ?? Self.onlyPack()
    guard tower == nil, tensor == nil else { return try checkPart(of: path) }
    guard !published else { return try checkPublished(of: path) }
    let terminal = common.terminal
    let report = try report.map { name in
      try outputPath(
        name,
        besides: [path]
          + [against, textTower, reference, publicKey, evidenceTexts].compactMap(\.self))
    }
    let (model, verification, rebuilt): (Model, Verification, Rebuilding?) = try naming(path) {
      let pack = try Pack(FilePath(argument: path), pool: common.pool)
      let objection = try signatureObjection(pack)
      terminal.progress("checking every byte")
      defer { terminal.endProgress() }
      // Shapes first: bytes that no network needs are not decoded.
      let model = try Model(pack, keepingMatrices: false, compute: compute)
      try pack.validate()
      terminal.progress("running the pack")
      var (verification, rebuilt) = try self.verification(of: model)
      if let objection {
        verification.failures.append(objection)
        verification.isOnlyBelowDefaultFloor = false
      }
      return (model, verification, rebuilt)
    }
    if let report { try write(report, verification, model, path) }
    try emit(
      common.json
        ? [try verification.json(of: model, rebuilt: rebuilt)]
        : try text(verification, rebuilt, model, path))
    guard verification.hasPassed else { throw ExitCode(1) }
  }

  private func verification(of model: Model) throws -> (Verification, Rebuilding?) {
    if let reference {
      return (
        try Verification.withReference(
          FilePath(argument: reference), model, minimumCosine: minCosine), nil
      )
    }
    guard let against else {
      return (try Verification.ofEvidence(model, minimumCosine: minCosine), nil)
    }
    let original = try Original(
      Checkpoint(
        argument: against, adapter: adapter, textTower: textTower, activation: activation),
      tokenizerFolder: tokenizer.map { FilePath(argument: $0) })
    var notes: [String] = []
    var verification = try Verification.against(
      original, model,
      images: evidenceImages.map {
        try PictureFolder(FilePath(argument: $0)).taken(noting: &notes)
      } ?? [],
      texts: evidenceTexts.map { try texts(listedIn: FilePath(argument: $0), noting: &notes) }
        ?? [],
      minimumCosine: minCosine)
    let pictures =
      try calibration.map { try PictureFolder(FilePath(argument: $0)).taken(noting: &notes) } ?? []
    verification.notes = notes + verification.notes
    for note in verification.notes { common.terminal.note("note: \(note)") }
    guard rebuild else { return (verification, nil) }
    let rebuilt = try Rebuilding(of: model.pack, from: original, pictures: pictures)
    if !rebuilt.differences.isEmpty { verification.isOnlyBelowDefaultFloor = false }
    verification.failures += rebuilt.differences
    return (verification, rebuilt)
  }

  private static func onlyPack() throws -> String {
    let packs = try Folder.names(in: ".").filter { $0.hasSuffix(".clippack") }
    guard packs.count == 1 else {
      throw Refusal(
        packs.isEmpty
          ? "there is no *.clippack here; name a pack, or make one with clip-pack convert"
          : "there are \(packs.count) packs here (\(packs.joined(separator: ", "))); name one")
    }
    return packs[0]
  }
}
