import Architecture
import ArgumentParser
import Bytes
import ClipPack
import Concurrency
import Conversion
import Evidence
import PackFormat
import PackTools
import Report
import SystemPackage

extension Verify {
  /// Why the pack is not what the key's owner signed; `nil` where it is, or nobody asks.
  func signatureObjection(_ pack: Pack) throws -> String? {
    try publicKey.flatMap { try pack.objection(to: Signing.publicKey(FilePath(argument: $0))) }
  }

  /// Checks what belongs to one tower, or one tensor, against the digests that the signature
  /// covers, and reads nothing else but the index.
  func checkPart(of path: String) throws {
    let (pack, names, read, objection): (Pack, [Manifest.Item], Int, String?) = try naming(path) {
      let pack = try Pack(FilePath(argument: path), pool: common.pool)
      let chosen = pack.index.content.items.filter(isChosen)
      if let tensor, chosen.isEmpty { throw Refusal("the pack has no tensor \"\(tensor)\"") }
      if let tower, !pack.tensors.contains(where: { $0.isModel && $0.tower == tower }) {
        throw Refusal("the pack has no \(tower.rawValue) tower")
      }
      let objection = try signatureObjection(pack)
      let names = Set(chosen.map(\.name))
      return (pack, chosen, try pack.validate { names.contains($0.name) }, objection)
    }
    if common.json {
      try emit(
        JSON.object([
          "passed": .bool(objection == nil), "checked": .array(names.map { .string($0.name) }),
          "bytes_read": .integer(read), "pack_bytes": .integer(pack.preamble.fileSize),
          "content_digest": .string(pack.contentDigest.description),
          "signed_by": .array(pack.signerNames.map(JSON.string)),
          "failures": .array(objection.map { [.string($0)] } ?? []),
        ]).description)
    } else {
      try emit(
        "\(path): \(counted(names.count, "item")) of the content, \(size(read)) of "
          + "\(size(pack.preamble.fileSize)), are sound")
      try emit("  content \(pack.contentDigest)")
      for signer in pack.signerNames { try emit("  signed by \(signer)") }
      if let objection { try emit(Terminal.red("failed") + ": \(objection)") }
    }
    guard objection == nil else { throw ExitCode(1) }
  }

  /// A tower is its tensors, those that belong to both, and what says how to use them.
  private func isChosen(_ item: Manifest.Item) -> Bool {
    switch item {
    case .tensor(let packed):
      if let tensor { return packed.name == tensor }
      return packed.isModel && (packed.tower == tower || packed.tower == nil)
    case .section(let section):
      switch SectionName(rawValue: section.name) {
      case .network, .configuration: return tensor == nil
      case .preprocessing: return tower == .image
      case .tokenizer: return tower == .text
      default: return false
      }
    }
  }

  /// Writes the report.
  func write(
    _ report: FilePath, _ verification: Verification, _ model: Model, _ path: String
  ) throws {
    let name = FilePath(argument: path).lastComponent?.string ?? path
    let html = Report(verification, model, name: name, signers: model.pack.signerNames).html
    var file = try AtomicFile(replacing: report)
    try file.append(text: html)
    try file.commit()
  }
}
