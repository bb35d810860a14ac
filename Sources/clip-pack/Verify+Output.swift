import Bytes
import ClipPack
import Conversion
import Evidence
import Kernels
import PackFormat

extension Verify {
  func text(
    _ verification: Verification, _ rebuilt: Rebuilding?, _ model: Model, _ path: String
  ) throws -> [String] {
    let pack = model.pack
    var lines = ["\(path): every byte of \(size(pack.preamble.fileSize)) is sound"]
    let asked = [
      verification.imageCount > 0 ? counted(verification.imageCount, "picture") : nil,
      verification.textCount > 0 ? counted(verification.textCount, "text") : nil,
    ].compactMap(\.self)
    lines.append(
      "compared with \(verification.reference.printable()) in \(model.compute.rawValue)"
        + (asked.isEmpty ? "" : ": " + asked.joined(separator: ", ")))
    if !asked.isEmpty { lines += ComparisonText.lines(verification.comparison) }
    lines += vouching(verification, rebuilt, pack)
    lines.append("  space        \(try EmbeddingSpace(pack))")
    if let name = Verification.checkpoint(thatMayBe: model) {
      lines.append(
        "  it has the shape of \(name): --published compares it with what is published of the "
          + "original weights")
    }
    if verification.hasPassed {
      lines.append(
        Terminal.green("passed") + ": every cosine is at least the floor of "
          + decimal(verification.floor, 7))
      return lines
    }
    lines += verification.failures.map { Terminal.red("failed") + ": \($0.printable())" }
    if verification.isOnlyBelowDefaultFloor { lines.append(acceptance(of: verification)) }
    return lines
  }

  /// Who stands for what the pack says, and what is left unproven.
  private func vouching(
    _ verification: Verification, _ rebuilt: Rebuilding?, _ pack: Pack
  ) -> [String] {
    let signers = pack.signerNames
    var lines = signers.map { "  signed by \($0)" }
    if against == nil, reference == nil {
      lines.append(
        signers.isEmpty
          ? "  unsigned: the recorded answers are only the maker's claim"
          : "  the recorded answers are the signer's claim")
    }
    if let authenticity = verification.authenticity, authenticity.isAuthentic {
      lines.append("  authentic: network, tokenizer, preprocessing and every row are the source's")
      // A rebuild says the same, and more.
      if rebuilt == nil { lines += boundedLines(authenticity.bounded) }
    }
    if let rebuilt, rebuilt.differences.isEmpty {
      lines.append(
        rebuilt.bounded.isEmpty
          ? "  coded again from the source: the whole content is the same"
          : "  coded again from the source: all that can be is the same")
      lines += boundedLines(rebuilt.bounded)
      if rebuilt.needsPictures, !rebuilt.bounded.isEmpty {
        lines.append("  --calibration DIR proves them too, with the pictures of the maker's")
      }
    }
    return lines + verification.unproven.map { "  \($0.printable())" }
  }

  private func boundedLines(_ names: [String]) -> [String] {
    guard let first = names.first else { return [] }
    return [
      "  \(counted(names.count, "calibrated tensor")) (\(first.printable())"
        + (names.count > 1 ? ", …" : "")
        + "): each row is proven to lie within the tolerance of its step, not each code"
        + (rebuild ? "" : "; --rebuild proves each code of a built-in calibration")
    ]
  }

  /// What somebody can do about a pack that only the default floor refuses.
  private func acceptance(of verification: Verification) -> String {
    let reached = verification.comparison.cosineMinimum
    // Rounded down, so that the number that is printed passes.
    let floor = (reached * 10_000).rounded(.down) / 10_000
    return (verification.authenticity == nil ? "" : "the pack is authentic; ")
      + "it reached a cosine of \(decimal(reached, 7)): --min-cosine \(decimal(floor, 4)) accepts "
      + "it"
  }
}
