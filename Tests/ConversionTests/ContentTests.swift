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
  ]

  @Test(arguments: digests, [1, 2, 5])
  func `content is the same by any number of threads, in either storage`(
    pinned: (model: String, target: Recipe.Target, digest: String), threads: Int
  ) throws {
    for storage in Storage.allCases {
      #expect(try digest(pinned.model, pinned.target, storage, threads) == pinned.digest)
    }
  }

  /// The steps of a grid follow from a forward pass, whose last bits are the machine's own; so this
  /// content is compared here and not pinned. The pack records its steps: it can be rebuilt anywhere.
  @Test(arguments: ["quick-gelu", "float16", "open-clip"])
  func `of a grid is the same by any number of threads, in either storage`(model: String) throws {
    let first = try digest(model, .int8, .compact, 1)
    for threads in [1, 2, 5] {
      for storage in Storage.allCases {
        #expect(try digest(model, .int8, storage, threads) == first)
      }
    }
  }

  private func digest(
    _ model: String, _ target: Recipe.Target, _ storage: Storage, _ threads: Int
  ) throws -> String {
    let folder = TemporaryFolder()
    var conversion = Conversion(
      recipe: Recipe(target: target), storage: storage, pool: WorkerPool(threads: threads))
    conversion.makesEvidence = false
    let summary = try conversion.run(
      Checkpoint(Fixture.path("models/\(model)").string), to: folder.appending("a.clippack"))
    return summary.contentDigest.description
  }
}
