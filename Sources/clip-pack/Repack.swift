import ArgumentParser
import Bytes
import Concurrency
import PackFormat
import PackTools
import SystemPackage

struct Repack: Command {
  static let configuration = CommandConfiguration(
    abstract: "Write the same pack in the other storage: compact to ship, mapped to run in place.",
    discussion: "Content and evidence stay the same, bit for bit, and so do their digests.")

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The pack to write.", valueName: "file"))
  var output: String

  @Option(help: "The storage of the new pack.")
  var storage: Storage

  @OptionGroup var common: Common

  func perform() throws {
    let path = try outputPath(output, besides: [pack])
    let (old, new) = try naming(pack) {
      let old = try Pack(FilePath(argument: pack), pool: common.pool)
      let new = try Repacking.run(old, to: path, storage: storage)
      return (old.preamble, new)
    }
    let written = PathMember("output", FilePath(argument: output))
    try emit(
      common.json
        ? [
          JSON.object([
            written.key: written.value, "storage": .string(storage.rawValue),
            "pack_bytes": .integer(new.fileSize),
            "content_digest": .string(new.contentDigest.description),
          ]).description
        ]
        : [
          "\(FilePath(argument: output)): \(old.storage.rawValue) \(size(old.fileSize)) → "
            + "\(storage.rawValue) " + size(new.fileSize), "  content \(new.contentDigest)",
        ])
  }
}
