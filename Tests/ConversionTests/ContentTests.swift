import Bytes
import Checkpoints
import Concurrency
import Kernels
import PackFormat
import SystemPackage
import TestSupport
import Testing

@testable import Conversion
@testable import Quantisation

/// The same checkpoint and recipe give the same content, unless measurements of a machine's own go
/// into it: on any machine, by any number of threads. `Scripts/same_content` does the same with every
/// instruction set, in debug and release.
@Suite("content")
struct ContentTests {
  static let recipes: [String: Recipe] = [
    "--to lossless": Recipe(target: .lossless),
    "--to f16": Recipe(target: .f16),
    "--to bf16": Recipe(target: .bf16),
    "--to int8": Recipe(target: .int8),
    "--bits 3": Recipe(target: .int8, rate: .bits(3)),
    "--bits 5.3": Recipe(target: .int8, rate: .bits(5.3)),
  ]

  /// Pinned: a change of these changes what every pack of every user is called. From
  /// `Scripts/same_content --print`.
  static let digests: [(model: String, recipe: String, digest: String)] = [
    (
      "quick-gelu", "--to lossless",
      "bb50314fb12b85ee7bdda510d6fad45697c25a337ec4735840ad8175de9ece8a"
    ),
    (
      "quick-gelu", "--to f16",
      "d216511e3faa619643cf28529d79713baa409aed3b542fd69d75ef2e28c9bb2d"
    ),
    (
      "quick-gelu", "--to bf16",
      "9e2490911aef147d14cb19069771468da05c5d9d151151b346004d6beba57a95"
    ),
    (
      "quick-gelu", "--to int8",
      "93e44338e50f83870e6cbbd41ece8a2a64b1343444ac21123828feeaaafcca05"
    ),
    (
      "quick-gelu", "--bits 3",
      "63eb5710296236f6eb8c168c787e07e3ccab4b35bb2ef943026e1c5c827242c5"
    ),
    (
      "quick-gelu", "--bits 5.3",
      "7aee51bf8ef3e4ad701f78eb22d59ee1f8f055fffc624c99dbb5a21592e6e684"
    ),
    (
      "float16", "--to lossless",
      "8b5d71db534b281d106864ed4d93b5ae33984d4b2a9bc623897401a26dacb04a"
    ),
    (
      "float16", "--to f16",
      "c3610314108f363f3a4fe3d4f77029c2b45c647e7e8c19d5c1b8ec115aa3603a"
    ),
    (
      "float16", "--to bf16",
      "c752fccc6c5d210413f039752934163bec2ac066d2df9bda57dbcc191f79e480"
    ),
    (
      "float16", "--to int8",
      "06a18f4831549102bb25b30b12a0ade6d9679a02debe0b5fa51134a044afc791"
    ),
    (
      "float16", "--bits 3",
      "a0ee961df9d7d0e42d9aaad5525ded53ae265fdb40b5dcabfbcb5136f794b405"
    ),
    (
      "float16", "--bits 5.3",
      "36f94559a1e682fb18bb661035d868ced1350532a8ad22e3a5db9729bd528ed6"
    ),
    (
      "bfloat16", "--to lossless",
      "20d7c8babe495aa9785db9327574d2d828e2d09d0410ba1be6533b6e1afbbb84"
    ),
    (
      "bfloat16", "--to f16",
      "f419449034975e2b5a638ebd84ab6aa3001c90ed4a70bba1be10eedf660b9ecf"
    ),
    (
      "bfloat16", "--to bf16",
      "7f100769044b102311f8d1097280dd0d268a09839989c0f44b650d3115b8596c"
    ),
    (
      "bfloat16", "--to int8",
      "284d0d1cba56ce49f54ee218126af1a85427791b8e5129928401f30f98b8790c"
    ),
    (
      "bfloat16", "--bits 3",
      "bd33217373f9bb84753027a50a5c9d9d8d75304f5286f85b4cbeadfe043be30f"
    ),
    (
      "bfloat16", "--bits 5.3",
      "0e583ad6b15b303574366ad79bc9c94af102dfea08ce738ce1a686576695becc"
    ),
    (
      "open-clip", "--to lossless",
      "17d963b7e77f49b3543574f51248f5b6e82f3a4b826c8ad80bf5987827438455"
    ),
    (
      "open-clip", "--to f16",
      "3383e7b7bc2e92d694ad50eb2b6ad3a5276dd0806dda86ebff250916a9cea915"
    ),
    (
      "open-clip", "--to bf16",
      "aeea7552bf7b5f17d05c144d41f2a5bc72c56bf3e071581ff332e4ffcbccf824"
    ),
    (
      "open-clip", "--to int8",
      "e042b70ff9792fe9e096d3040f1017a7b5af9dae3086cf80dc5a3878bc210844"
    ),
    (
      "open-clip", "--bits 3",
      "27a790b9cd5fdb6ff07851d354fe5e4dd24ee60f15d0947d5e18e9a46c1f8331"
    ),
    (
      "open-clip", "--bits 5.3",
      "3ce0014291f88559dd8c923d77fce64ba997f408f5a54fa566bf334672598deb"
    ),
    (
      "sharded", "--to lossless",
      "d7820b9c0da5e5d7d53ecc0923252d237b0d79cd177bda3d5ccff5b2ca239d29"
    ),
    (
      "sharded", "--to f16",
      "d053836230f9693513af687f2fcc1382ff7c3c2443046ad8d3ed1b1270d70f31"
    ),
    (
      "sharded", "--to bf16",
      "ae31000b41b3eb37bb04fd1b12c6261c86630546ff03a4a0cd8a2dd0e05cf1d3"
    ),
    (
      "sharded", "--to int8",
      "f9bd9528a2d2eb86092f14753222ad330bc312a357e3c41d75c55f2609b20ad1"
    ),
    (
      "sharded", "--bits 3",
      "3a169b24b407274ef3403d0120b39ef3744e40c998a7d3ab818c22945c632b02"
    ),
    (
      "sharded", "--bits 5.3",
      "9f18f356973bf22f909a9f7d7b1d410b67dfea1441cac84f940c0ccba255bca0"
    ),
    (
      "image-only", "--to lossless",
      "f2bb6cf48029ce28e35032a14cc8dc8ceccba3768ffbaebadc840cf27d503c25"
    ),
    (
      "image-only", "--to f16",
      "3ea4682b97f4f5617ef042b31e784376fc2896209c0563700e91beb722a6fec6"
    ),
    (
      "image-only", "--to bf16",
      "acb591d8504f5a187b5c03d6d106d8603c8d28d82126284cc50efa34004c8db9"
    ),
    (
      "image-only", "--to int8",
      "c0c53f3f775791c118544cebecb94fa10cec61c2f845861c845c02a08870e0cf"
    ),
    (
      "image-only", "--bits 3",
      "b387073aa04aa69d7f9e18a04a66baa99d36873890bb4df19cfed598bf7c38fe"
    ),
    (
      "image-only", "--bits 5.3",
      "d0ff93c75ada9d862f7a4478d3839684832e5a4b99b2924a756993985f7a552b"
    ),
  ]

  @Test(arguments: digests, [1, 2, 5])
  func `content is the same by any number of threads, in either storage`(
    pinned: (model: String, recipe: String, digest: String), threads: Int
  ) throws {
    for storage in Storage.allCases {
      #expect(
        try digest(pinned.model, #require(Self.recipes[pinned.recipe]), storage, threads)
          == pinned.digest)
    }
  }

  private func digest(
    _ model: String, _ recipe: Recipe, _ storage: Storage, _ threads: Int
  ) throws -> String {
    let folder = TemporaryFolder()
    var conversion = Conversion(
      recipe: recipe, storage: storage, pool: WorkerPool(threads: threads))
    conversion.makesEvidence = false
    conversion.calibration = CalibrationChoice.none
    let summary = try conversion.run(
      Checkpoint(Fixture.path("models/\(model)").string), to: folder.appending("a.clippack"))
    return summary.contentDigest.description
  }
}
