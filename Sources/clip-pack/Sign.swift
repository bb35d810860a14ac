import ArgumentParser
import Bytes
import Concurrency
import PackFormat
import PackTools
import SystemPackage

struct Sign: Command {
  static let configuration = CommandConfiguration(
    abstract: "Sign a pack's content and evidence.",
    discussion: """
      Checks every byte, then puts the signature into the pack, in place of an older one by the \
      same key. repack keeps it good. Only the signature and the index change.
      """)

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(help: ArgumentHelp("The private key, from keygen.", valueName: "file"))
  var key: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The pack to write; the same unless given.", valueName: "file"))
  var output: String?

  @OptionGroup var common: Common

  func perform() throws {
    let key = try Signing.key(FilePath(argument: key))
    let path = try output.map { try outputPath($0) } ?? FilePath(argument: pack)
    let output = output ?? pack
    let preamble = try naming(pack) {
      try Signing.sign(
        Pack(FilePath(argument: pack), pool: common.pool), with: key, to: path)
    }
    let written = PathMember("output", FilePath(argument: output))
    try emit(
      common.json
        ? [
          JSON.object([
            written.key: written.value, "public_key": .string(key.publicKey.description),
            "content_digest": .string(preamble.contentDigest.description),
            "evidence_digest": .string(preamble.evidenceDigest.description),
          ]).description
        ]
        : [
          "\(FilePath(argument: output)): signed by \(key.publicKey)",
          "  content   \(preamble.contentDigest)",
          "  evidence  \(preamble.evidenceDigest)",
        ])
  }
}
