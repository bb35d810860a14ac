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
    ("float16", .lossless, "8b5d71db534b281d106864ed4d93b5ae33984d4b2a9bc623897401a26dacb04a"),
    ("float16", .f16, "c3610314108f363f3a4fe3d4f77029c2b45c647e7e8c19d5c1b8ec115aa3603a"),
    ("float16", .bf16, "c752fccc6c5d210413f039752934163bec2ac066d2df9bda57dbcc191f79e480"),
    ("bfloat16", .lossless, "20d7c8babe495aa9785db9327574d2d828e2d09d0410ba1be6533b6e1afbbb84"),
    ("bfloat16", .f16, "f419449034975e2b5a638ebd84ab6aa3001c90ed4a70bba1be10eedf660b9ecf"),
    ("bfloat16", .bf16, "7f100769044b102311f8d1097280dd0d268a09839989c0f44b650d3115b8596c"),
    ("open-clip", .lossless, "17d963b7e77f49b3543574f51248f5b6e82f3a4b826c8ad80bf5987827438455"),
    ("open-clip", .f16, "3383e7b7bc2e92d694ad50eb2b6ad3a5276dd0806dda86ebff250916a9cea915"),
    ("open-clip", .bf16, "aeea7552bf7b5f17d05c144d41f2a5bc72c56bf3e071581ff332e4ffcbccf824"),
    ("sharded", .lossless, "d7820b9c0da5e5d7d53ecc0923252d237b0d79cd177bda3d5ccff5b2ca239d29"),
    ("sharded", .f16, "d053836230f9693513af687f2fcc1382ff7c3c2443046ad8d3ed1b1270d70f31"),
    ("sharded", .bf16, "ae31000b41b3eb37bb04fd1b12c6261c86630546ff03a4a0cd8a2dd0e05cf1d3"),
    ("image-only", .lossless, "f2bb6cf48029ce28e35032a14cc8dc8ceccba3768ffbaebadc840cf27d503c25"),
    ("image-only", .f16, "3ea4682b97f4f5617ef042b31e784376fc2896209c0563700e91beb722a6fec6"),
    ("image-only", .bf16, "acb591d8504f5a187b5c03d6d106d8603c8d28d82126284cc50efa34004c8db9"),
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
