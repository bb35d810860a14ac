import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Kernels
import PackFormat
import SystemPackage
import TestSupport
import Testing

@testable import Conversion
@testable import Evidence
@testable import Quantisation
@testable import Report

/// The report, and what verification measures for it.
@Suite("report")
struct ReportTests {
  let folder = TemporaryFolder()
  let pool = WorkerPool(threads: 1)

  private func model() throws -> Model {
    let path = folder.appending("a.clippack")
    _ = try Conversion(
      recipe: Recipe(target: .int8), calibration: .none, pool: pool
    )
      .run(Checkpoint(Fixture.path("models/quick-gelu").string), to: path)
    return try Model(Pack(path, pool: pool), keepingMatrices: false)
  }

  @Test func `it is one file whose elements are closed and whose text is escaped`() throws {
    let model = try model()
    var verification = try Verification.ofEvidence(model, minimumCosine: nil)
    verification.failures = ["a <script> & more"]
    let html = Report(verification, model, name: "<a>.clippack", signers: []).html
    #expect(html.hasPrefix("<!doctype html>"))
    #expect(html.contains("a &lt;script&gt; &amp; more"))
    #expect(html.contains("&lt;a&gt;.clippack"))
    #expect(!html.contains("http") && !html.contains("<script") && !html.contains("<link"))
    for title in [
      "How near", "Where the error grows", "Rate and signal", "Where the bytes", "Worst",
    ] {
      #expect(html.contains("<h2>\(title)"))
    }
    for tag in ["section", "table", "tr", "td", "th", "div", "figure", "svg", "ul", "li", "text"] {
      let opened = html.ranges(of: "<\(tag)>").count + html.ranges(of: "<\(tag) ").count
      #expect(opened == html.ranges(of: "</\(tag)>").count, "\(tag)")
      #expect(opened > 0, "\(tag)")
    }
    #expect(html.ranges(of: "src=\"data:image/bmp;base64,").count == 8)
  }

  @Test func `Python's hidden states are compared stage by stage`() throws {
    let model = try model()
    let reference = Fixture.path("models/quick-gelu/reference.safetensors")
    let verification = try Verification.withReference(reference, model, minimumCosine: 0.999)
    #expect(verification.failures == [])
    let image = try #require(verification.comparison.imageStages)
    let text = try #require(verification.comparison.textStages)
    #expect(image.names == ["embeddings", "block 0", "block 1", "pooled"])
    #expect(text.names == ["embeddings", "block 0", "block 1", "block 2", "pooled"])
    // int8 loses something, and far less than a wrong stage would.
    for error in image.errors + text.errors { #expect(error > 1e-4 && error < 0.05) }
  }

  @Test func `a pack that has become worse than it recorded is refused`() throws {
    let model = try model()
    let recorded = try #require(try Evidence.Recorded(model.pack))
    let verification = try Verification.ofEvidence(model, minimumCosine: 0)
    #expect(verification.failures == [])
    var better = try #require(recorded.reached(in: .f32)).measures
    better[.textCentredCosineMinimum] = 1
    let clauses = verification.comparison.regressions(from: better, in: .f32)
    #expect(clauses.count == 1)
    #expect(clauses.first?.hasPrefix("text_centred_cosine_min is 0.99") == true)
  }
}
