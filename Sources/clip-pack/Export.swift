import ArgumentParser
import Bytes
import ClipPack
import Concurrency
import Evidence
import Export
import PackFormat
import SystemPackage

struct Export: Command {
  static let configuration = CommandConfiguration(
    abstract: "Write what other runtimes load: a Hugging Face folder, or ONNX graphs.",
    discussion: """
      Every export has a folder "conformance" with inputs and the embeddings expected, to check a \
      runtime by.
      """)

  /// What is written.
  enum Target: String, CaseIterable, ExpressibleByArgument {
    case huggingface, onnx
  }

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The folder to write into.", valueName: "dir"))
  var output: String

  @Option(help: "What is written.")
  var to: Target

  @Option(help: "Of ONNX: which program's folders (default: transformers.js).")
  var layout: ONNXLayout?

  @Option(
    help: """
      Of ONNX: exact (the pack's own numbers) or dynamic (products of 8-bit integers: fast, less \
      exact) (default: exact).
      """)
  var weights: WeightForm?

  @Flag(help: "Write into a folder that is not empty, and replace files in it.")
  var overwrite = false

  @OptionGroup var common: Common

  func validate() throws {
    guard to == .onnx || layout == nil && weights == nil else {
      throw ValidationError("--layout and --weights are for --to onnx.")
    }
  }

  func perform() throws {
    let folder = FilePath(argument: output)
    let (summary, identity) = try naming(pack) {
      let pack = try Pack(FilePath(argument: pack), pool: common.pool)
      let model = try Model(pack, keepingMatrices: false)
      let summary =
        switch to {
        case .huggingface:
          try HuggingFaceExport(model).write(into: folder, overwriting: overwrite)
        case .onnx:
          try ONNXExport(
            model, layout: layout ?? .transformersJS, form: weights ?? .exact
          ).write(into: folder, overwriting: overwrite)
        }
      return (summary, (pack.contentDigest.description, try EmbeddingSpace(pack).id))
    }
    for note in summary.notes { common.terminal.note(note) }
    if common.json {
      let written = PathMember("output", FilePath(argument: output))
      let files = summary.files.map {
        ["name": .string($0.name), "bytes": .integer($0.size)] as JSON
      }
      return try emit(
        JSON.object([
          written.key: written.value, "to": .string(to.rawValue), "files": .array(files),
          "content_digest": .string(identity.0), "embedding_space": .string(identity.1),
          "notes": .array(summary.notes.map(JSON.string)),
        ]))
    }
    for file in summary.files {
      try emit("\(FilePath(argument: output))/\(file.name): ".printable() + size(file.size))
    }
  }
}
