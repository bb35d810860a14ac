import ArgumentParser
import Bytes
import Concurrency
import PackFormat
import PackTools
import SystemPackage

struct Unpack: Command {
  static let configuration = CommandConfiguration(
    abstract: "Write a checkpoint of a pack; a lossless pack gives the source files back.")

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The folder to write into.", valueName: "dir"))
  var output: String

  @Flag(help: "Replace files that are in the folder already.")
  var overwrite = false

  @OptionGroup var common: Common

  func perform() throws {
    let summary = try naming(pack) {
      try Unpacking.run(
        Pack(FilePath(argument: pack), pool: common.pool), into: FilePath(argument: output),
        overwriting: overwrite)
    }
    if common.json {
      let written = PathMember("output", FilePath(argument: output))
      let files = summary.files.map { file in
        let name = PathMember("name", file.name)
        return JSON.object([name.key: name.value, "bytes": .integer(file.size)])
      }
      try emit(
        JSON.object([
          written.key: written.value, "is_source": .bool(summary.isSource),
          "tensors_are_source": .bool(summary.isSource || summary.isConverted),
          "files": .array(files),
        ]))
      return
    }
    for file in summary.files {
      try emit("\(FilePath(argument: output).appending(file.name.components)): \(size(file.size))")
    }
    try emit(
      summary.isSource
        ? "the weights are the source's, byte for byte (SHA-256 checked)"
        : summary.isConverted
          ? "the tensors are the source's, value by value; they came from PyTorch files and are "
            + "safetensors now"
          : "the weights are decoded from the pack, in the layout of the model's library")
  }
}
