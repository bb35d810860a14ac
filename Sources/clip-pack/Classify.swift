import ArgumentParser
import Bytes
import ClipPack
import SystemPackage

struct Classify: Command {
  static let configuration = CommandConfiguration(
    abstract: "Say which label fits a picture best, without any training.")

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(
    parsing: .upToNextOption, help: ArgumentHelp("PNG, JPEG or WebP pictures.", valueName: "file"))
  var image: [Values]

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Labels to choose from.", valueName: "s"))
  var label: [Values]

  @Option(
    help: ArgumentHelp(
      "Sentence with {} for the label (default: \"\(Self.usualTemplate)\"); several are averaged.",
      valueName: "s"))
  var template: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file of such sentences, one a line; - for standard input.", valueName: "file"))
  var templatesFrom: String?

  @OptionGroup var computing: Computing
  @OptionGroup var common: Common

  private static let usualTemplate = "This is a photo of {}."

  func validate() throws {
    for template in template where !template.contains("{}") {
      throw ValidationError("--template \"\(template)\" has no {} for the label to stand in.")
    }
    guard template.isEmpty || templatesFrom == nil else {
      throw ValidationError("--template and --templates-from exclude each other.")
    }
  }

  func perform() throws {
    let (images, labels) = (Values.all(image), Values.all(label))
    var notes: [String] = []
    let templates = try templates(noting: &notes)
    let model = try open(pack, common, computing)
    let results = try naming(pack) {
      try model.classify(
        images: images.map { FilePath(argument: $0) }, labels: labels, templates: templates)
    }
    if common.json {
      let array = zip(images, results).map { image, classes in
        let labels = classes.map {
          [
            "label": .string($0.label), "probability": JSON(finite: Double($0.probability)),
            "cosine": JSON(finite: Double($0.cosine)),
          ] as JSON
        }
        let name = Name.picture(FilePath(argument: image)).member
        return JSON.object(JSON.Object([name, ("labels", .array(labels))]))
      }
      try emit(
        JSON.object([
          "templates": .array(templates.map { .string($0) }), "results": .array(array),
          "notes": .array(notes.map(JSON.string)),
        ]))
      return
    }
    for (image, classes) in zip(images, results) {
      try emit(FilePath(argument: image).string)
      // The share of one label alone is always the whole.
      if classes.count == 1, let only = classes.first {
        try emit("  cosine " + decimal(Double(only.cosine), 4) + "  " + only.label)
        continue
      }
      for one in classes.prefix(5) {
        let share = Double(one.probability)
        let full = min(max(Int(saturating: (share * 30).rounded()), 0), 30)
        let percent = decimal(100 * share, 1)
        try emit(
          "  " + String(repeating: " ", count: max(0, 5 - percent.count)) + percent + " %  "
            + String(repeating: "█", count: full) + String(repeating: "·", count: 30 - full)
            + "  " + one.label)
      }
    }
  }

  /// The sentences that labels stand in, at least one.
  private func templates(noting notes: inout [String]) throws -> [String] {
    guard let templatesFrom else { return template.isEmpty ? [Self.usualTemplate] : template }
    let path = FilePath(argument: templatesFrom)
    let templates = try texts(listedIn: path, noting: &notes)
    for note in notes { common.terminal.note("note: \(note)") }
    if let odd = templates.first(where: { !$0.contains("{}") }) {
      throw Refusal(
        "'\(path)' has the line \(JSON.quoted(odd)), without {} for the label to stand in",
        about: path)
    }
    return templates
  }
}
