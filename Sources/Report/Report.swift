internal import Bytes
public import ClipPack
public import Evidence
internal import PackFormat
internal import Tensors

/// A verification as one HTML file that needs nothing else: no network, no script.
public struct Report {
  let verification: Verification
  let model: Model
  /// The pack's name, for the title.
  let name: String
  /// The keys whose signature is good.
  let signers: [String]

  var pack: Pack { model.pack }
  var comparison: Comparison { verification.comparison }

  public init(_ verification: Verification, _ model: Model, name: String, signers: [String]) {
    self.verification = verification
    self.model = model
    self.name = name
    self.signers = signers
  }

  public var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Self.escaped(name)): \(verification.hasPassed ? "passed" : "failed")</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <main>
    \([
      verdict, distributions, stages, tensors, bytes, pictures, worst, origin,
    ].filter { !$0.isEmpty }.joined(separator: "\n"))
    </main>
    </body>
    </html>

    """
  }

  // MARK: Sections

  private var verdict: String {
    let passed = verification.hasPassed
    let counts = [
      verification.imageCount > 0 ? "\(verification.imageCount) pictures" : nil,
      verification.textCount > 0 ? "\(verification.textCount) texts" : nil,
    ].compactMap(\.self).joined(separator: " and ")
    let failures = verification.failures.map { "<li>\(Self.escaped($0))</li>" }.joined()
    let weakest =
      comparison.measures.weakest.map {
        "<p>Weakest measure: <strong>\($0.measure.name): "
          + "\(decimal($0.value, 5))</strong>.</p>"
      } ?? "<p>Nothing was lost in any measure.</p>"
    return """
      <header class="\(passed ? "passed" : "failed")">
      <p class="name">\(Self.escaped(name))</p>
      <h1>\(passed ? "✓ Passed" : "✗ Failed")</h1>
      <p>Compared with \(Self.escaped(verification.reference)), on \(counts). Every cosine
      must be at least \(decimal(verification.floor, 7)).</p>
      \(failures.isEmpty ? "" : "<ul>\(failures)</ul>")
      \(weakest)
      </header>
      <dl class="tiles">\(tiles)</dl>
      """
  }

  private var tiles: String {
    let weights = pack.tensors.filter(\.isModel).reduce(0) { $0 + $1.shape.count }
    let bits = 8 * Double(pack.modelBytes) / Double(max(weights, 1))
    let values: [(String, String?)] = [
      ("image cosine, lowest", comparison.image.map { decimal($0.cosineMinimum, 6) }),
      ("text cosine, lowest", comparison.text.map { decimal($0.cosineMinimum, 6) }),
      (
        "image cosine centred, lowest",
        comparison.image.map { decimal($0.centredCosineMinimum, 5) }
      ),
      ("text cosine centred, lowest", comparison.text.map { decimal($0.centredCosineMinimum, 5) }),
      ("best text", comparison.answers.map { decimal(100 * $0.topOne, 1) + " %" }),
      ("five best", comparison.answers.map { decimal(100 * $0.topFive, 1) + " %" }),
      ("rank correlation, lowest", comparison.answers.map { decimal($0.rankMinimum, 4) }),
      ("logit difference, largest", comparison.answers.map { decimal($0.maximumDifference, 4) }),
      (
        "recall, original index",
        comparison.index.map { decimal(100 * $0.originalIndex, 1) + " %" }
      ),
      (
        "recall, converted index",
        comparison.index.map { decimal(100 * $0.convertedIndex, 1) + " %" }
      ),
      ("bits a weight", decimal(bits, 2)),
      ("pack", decimal(Double(pack.preamble.fileSize) / 1e6, 2) + " MB"),
    ]
    return values.compactMap { label, value in
      value.map { "<div><dt>\(label)</dt><dd>\($0)</dd></div>" }
    }.joined()
  }

  private var origin: String {
    let provenance = (try? pack.provenanceDocument()) ?? nil
    let recipe = ((try? pack.recipeSummary) ?? nil) ?? "none"
    var rows = [
      ("content", pack.contentDigest.description), ("evidence", pack.evidenceDigest.description),
      ("recipe", recipe), ("made by", provenance?.tool ?? "unknown"),
    ]
    if let space = try? EmbeddingSpace(pack) {
      rows.append(("space", space.description))
    }
    for file in provenance?.files ?? [] {
      rows.append(("source", "\(file.name), \(file.size) bytes, SHA-256 \(file.sha256)"))
    }
    rows.append(("signed by", signers.isEmpty ? "nobody" : signers.joined(separator: ", ")))
    return Self.section(
      "What this pack is",
      "<table class=\"facts\">"
        + rows.map { "<tr><th>\($0)</th><td>\(Self.escaped($1))</td></tr>" }.joined() + "</table>")
  }

  static func section(_ title: String, _ body: String, note: String = "") -> String {
    "<section><h2>\(title)</h2>" + (note.isEmpty ? "" : "<p class=\"note\">\(note)</p>")
      + body + "</section>"
  }

  /// Text as HTML shows it.
  static func escaped(_ text: String) -> String {
    text.printable().replacing("&", with: "&amp;").replacing("<", with: "&lt;")
      .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
  }
}
