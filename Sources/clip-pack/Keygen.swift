import ArgumentParser
import Bytes
import PackFormat
import PackTools
import SystemPackage

struct Keygen: Command {
  static let configuration = CommandConfiguration(
    abstract: "Make a key to sign packs with.",
    discussion: """
      Writes an Ed25519 private key (PKCS#8, PEM), readable by its owner alone, and beside it the \
      public key (PEM) with .pub after its name. openssl reads and makes the same files.
      """)

  @Option(name: .shortAndLong, help: ArgumentHelp("The private key to write.", valueName: "key"))
  var output: String

  @OptionGroup var common: Common

  func perform() throws {
    let (key, publicPath) = try Signing.makeKey(try outputPath(output))
    let written = PathMember("output", FilePath(argument: output))
    let beside = PathMember("public_key_file", publicPath)
    try emit(
      common.json
        ? [
          JSON.object([
            written.key: written.value, beside.key: beside.value,
            "public_key": .string(key.publicKey.description),
          ]).description
        ]
        : [
          "\(FilePath(argument: output)): keep it to yourself",
          "\(publicPath): give it to those who verify",
          "  key \(key.publicKey)",
        ])
  }
}
