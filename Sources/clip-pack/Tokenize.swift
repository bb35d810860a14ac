import ArgumentParser
import Bytes
import ClipPack

struct Tokenize: Command {
  static let configuration = CommandConfiguration(
    abstract: "Print the token ids that the text tower reads, one text a line.")

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Argument(help: "Texts.")
  var text: [Values]

  @OptionGroup var common: Common

  func perform() throws {
    let model = try open(pack, common)
    let ids = try naming(pack) {
      try common.warnOfTruncation(Values.all(text), model).map { try model.ids(of: $0).ids }
    }
    if common.json {
      try emit(
        JSON.object(["input_ids": .array(ids.map { .array($0.map(JSON.integer)) })]))
    } else {
      for row in ids { try emit(row.map(String.init).joined(separator: " ")) }
    }
  }
}
