import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Conversion
import ConversionSupport
import Evidence
import Kernels
import PackFormat
import Quantisation
import SystemPackage
import TestSupport
import Testing

/// Rounding for what layers take in, on the demo model and its pictures.
@Suite struct CalibrationTests {
  private let bench = Workbench()
  private let demo = Fixture.path("demo")
  private let pictures: [FilePath]

  init() throws {
    let folder = Fixture.path("pictures")
    pictures = try Folder.names(in: folder).filter { $0.hasSuffix(".jpg") || $0.hasSuffix(".png") }
      .map { folder.appending($0) }
  }

  @Test func `loses a fraction of what plain rounding loses, at the same rate`() throws {
    let plain = try convert(.bits(3.5), .none)
    // Built-in pictures are of many kinds, the demo's are drawings of one.
    let choices: [(CalibrationChoice, Double)] = [
      (.builtIn, 0.85), (.pictures(Array(pictures.prefix(16))), 0.7),
    ]
    for (choice, share) in choices {
      let rounded = try convert(.bits(3.5), choice)
      #expect(abs(rounded.bitsPerWeight - 3.5) <= 0.01)
      let (before, after) = (try #require(plain.comparison), try #require(rounded.comparison))
      #expect(
        1 - after.image!.cosineMean < share * (1 - before.image!.cosineMean), "\(choice)")
      #expect(1 - after.text!.cosineMean < 0.5 * (1 - before.text!.cosineMean), "\(choice)")
    }
  }

  @Test func `is one content for any number of threads`() throws {
    let digests = try [1, 2, 3].map { threads in
      try convert(.bits(4), .builtIn, threads: threads).contentDigest
    }
    #expect(digests[0] == digests[1] && digests[0] == digests[2])
  }

  /// Built-in inputs are made again, and every code with them; the user's are not there.
  @Test(arguments: [Rate.bits(4), .bits(8.6), nil], [false, true])
  func `can be held against its source, weight by weight`(rate: Rate?, isGiven: Bool) throws {
    _ = try convert(rate, isGiven ? .pictures(Array(pictures.prefix(8))) : .builtIn)
    let pack = try Pack(bench.folder.appending("calibrated.clippack"), pool: bench.pool)
    let rebuilt = try Rebuilding(of: pack, from: Original(Checkpoint(demo.string)))
    #expect(rebuilt.differences == [])
    #expect(rebuilt.bounded.isEmpty != isGiven)
    guard !isGiven else { return }

    let changed = bench.folder.appending("changed")
    try Folder.create(changed)
    let name = "vision_model.encoder.layers.1.mlp.fc1.weight"
    for file in try Folder.names(in: demo) {
      var bytes = try Workbench.bytes(demo.appending(file))
      if file == "model.safetensors" {
        let place = try #require(Checkpoint(demo.string).location(of: name))
        bytes[place.lowerBound + 2] ^= 0x40
      }
      try bench.folder.write(bytes, "changed/" + file)
    }
    let other = try Rebuilding(of: pack, from: Original(Checkpoint(changed.string)))
    // What layers behind it take in is another, too.
    #expect(other.differences.contains { $0.hasPrefix("tensor \"\(name)\" ") })
  }

  @Test(arguments: [0.99, 0.999, 0.9999])
  func `meets a cosine, and not by far`(cosine: Double) throws {
    let summary = try convert(.minCosine(cosine), .builtIn)
    let reached = try #require(summary.comparison).cosineMinimum
    #expect(reached >= cosine)
    #expect(1 - reached > 0.4 * (1 - cosine))
  }

  @Test(arguments: [700_000, 1_000_000, 1_300_000])
  func `fills a size, and never exceeds it`(limit: Int) throws {
    let summary = try convert(.maxBytes(limit), .builtIn)
    #expect(summary.packBytes <= limit && Double(summary.packBytes) >= 0.995 * Double(limit))
  }

  private func convert(
    _ rate: Rate?, _ calibration: CalibrationChoice, threads: Int = 2
  ) throws -> Conversion.Summary {
    let conversion = Conversion(
      recipe: Recipe(target: .int8, rate: rate), evidenceImages: Array(pictures.suffix(16)),
      calibration: calibration, pool: WorkerPool(threads: threads))
    return try conversion.run(
      Checkpoint(demo.string), to: bench.folder.appending("calibrated.clippack"))
  }
}
