import Bytes
import Checkpoints
import Kernels
import PackFormat
import SystemPackage
import TestSupport
import Testing

@testable import Conversion

/// The same checkpoint and recipe give the same content: on any machine, by any number of threads.
/// `Scripts/same_content` does the same with every instruction set, in debug and release.
@Suite("content")
struct ContentTests {
  /// Pinned: a change of these changes what every pack of every user is called.
  static let digests: [(model: String, target: Recipe.Target, digest: String)] = [
    ("quick-gelu", .lossless, "bb50314fb12b85ee7bdda510d6fad45697c25a337ec4735840ad8175de9ece8a"),
    ("quick-gelu", .f16, "d216511e3faa619643cf28529d79713baa409aed3b542fd69d75ef2e28c9bb2d"),
    ("quick-gelu", .bf16, "9e2490911aef147d14cb19069771468da05c5d9d151151b346004d6beba57a95"),
    ("quick-gelu", .int8, "93e44338e50f83870e6cbbd41ece8a2a64b1343444ac21123828feeaaafcca05"),
    ("float16", .int8, "06a18f4831549102bb25b30b12a0ade6d9679a02debe0b5fa51134a044afc791"),
    ("open-clip", .int8, "e042b70ff9792fe9e096d3040f1017a7b5af9dae3086cf80dc5a3878bc210844"),
  ]

  @Test(arguments: digests, [1, 2, 5])
  func `content is the same by any number of threads, in either storage`(
    pinned: (model: String, target: Recipe.Target, digest: String), threads: Int
  ) throws {
    let folder = TemporaryFolder()
    for storage in [Storage.compact, .mapped] {
      var conversion = Conversion(
        recipe: Recipe(target: pinned.target), storage: storage,
        pool: WorkerPool(threads: threads))
      conversion.makesEvidence = false
      let summary = try conversion.run(
        Checkpoint(Fixture.path("models/\(pinned.model)").string),
        to: folder.appending("a.clippack"))
      #expect(summary.contentDigest.description == pinned.digest)
    }
  }
}
