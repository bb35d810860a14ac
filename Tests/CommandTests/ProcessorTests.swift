import Kernels
import SystemPackage
import TestSupport
import Testing

/// What embeddings of two processors may differ by: `Formats/clippack.md`, section 7.3.
@Suite("embeddings of two processors")
struct ProcessorTests {
  private let folder = TemporaryFolder()

  @Test(arguments: [(Compute.f32, 1e-9), (.bf16, 1e-5), (.int8, 0)])
  func `differ by no more than the specification says`(compute: Compute, bound: Double) throws {
    let demo = Fixture.path("demo").string
    let made = try Program.run(
      ["convert", demo, "-o", "a.clippack", "--no-evidence", "--calibration", "none"],
      in: folder.path)
    try #require(made.status == 0, "\(made.errors)")
    let inputs = [
      ["--image", Fixture.path("pictures").string],
      ["--text", "a red circle", "a photo of a blue square on white", "", "a small quick fox"],
    ]
    for input in inputs {
      let vectors = try InstructionSet.available.map { set in
        let result = try Program.run(
          ["embed", "a.clippack", "--compute", compute.rawValue, "--json"] + input, in: folder.path,
          ["CLIP_PACK_ISA": set.rawValue])
        return try #require(result.json["embeddings"] as? [[Double]], "\(result.errors)")
      }
      for (number, one) in vectors.enumerated() {
        for other in vectors[..<number] {
          try #require(one.count == other.count && !one.isEmpty)
          guard compute != .int8 else {
            #expect(one == other)
            continue
          }
          for (a, b) in zip(one, other) {
            let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
            let squares = a.reduce(0) { $0 + $1 * $1 } * b.reduce(0) { $0 + $1 * $1 }
            #expect(1 - product / squares.squareRoot() <= bound)
            guard compute == .f32 else { continue }
            #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-5 })
          }
        }
      }
    }
  }
}
