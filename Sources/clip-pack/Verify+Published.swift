import ArgumentParser
import Bytes
import ClipPack
import Concurrency
import Conversion
import Evidence
import PackFormat
import SystemPackage

extension Verify {
  /// What is published of checkpoints: in the user's file, or in this program.
  private var answers: [PublishedAnswers] {
    get throws {
      try publishedAnswers.map { try PublishedAnswers.read(FilePath(argument: $0)) }
        ?? PublishedAnswers.builtIn
    }
  }

  /// Every byte, the signature, and the answers that public test suites assert of the original.
  func checkPublished(of path: String) throws {
    let answers = try answers
    let (pack, check, objection): (Pack, PublishedCheck, String?) = try naming(path) {
      let pack = try Pack(FilePath(argument: path), pool: common.pool)
      let objection = try signatureObjection(pack)
      try pack.validate()
      let model = try Model(pack, keepingMatrices: false)
      return (pack, try PublishedCheck(model, among: answers), objection)
    }
    let failures = check.failures + (objection.map { [$0] } ?? [])
    try emit(
      common.json ? [json(check, failures, pack).description] : text(check, failures, pack, path))
    guard failures.isEmpty else { throw ExitCode(1) }
  }

  private func json(_ check: PublishedCheck, _ failures: [String], _ pack: Pack) -> JSON {
    [
      "passed": .bool(failures.isEmpty), "checkpoint": .string(check.checkpoint),
      "answers": .array(
        check.results.map {
          [
            "source": .string($0.source), "tensor": .string($0.tensor),
            "max_abs": JSON(finite: $0.difference), "allowed": .number($0.allowed),
          ]
        }),
      "pack_bytes": .integer(pack.preamble.fileSize),
      "bits_per_weight": .number(pack.bitsPerWeight),
      "content_digest": .string(pack.contentDigest.description),
      "signed_by": .array(pack.signerNames.map(JSON.string)),
      "failures": .array(failures.map(JSON.string)),
    ]
  }

  private func text(
    _ check: PublishedCheck, _ failures: [String], _ pack: Pack, _ path: String
  ) -> [String] {
    var lines = [
      "\(path): every byte of \(size(pack.preamble.fileSize)) is sound",
      "compared with published answers of the original weights of \(check.checkpoint); others of "
        + "the same shape fail, fine-tuned ones too",
    ]
    lines += check.results.map {
      "  \($0.tensor)   largest difference \(decimal($0.difference, 5)), "
        + "\(decimal($0.allowed, 5)) allowed   (\($0.source))"
    }
    lines += pack.signerNames.map { "  signed by \($0)" }
    lines +=
      failures.isEmpty
      ? [Terminal.green("passed") + ": it answers like the original \(check.checkpoint)"]
      : failures.map { Terminal.red("failed") + ": \($0.printable())" }
    return lines
  }
}
