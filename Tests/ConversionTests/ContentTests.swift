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
/// into it: on any machine, by any number of threads. `Scripts/same_content` does the same with
/// every instruction set, in debug and release.
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
      "a9d5b477148dd6ff4e748a202c65dd9089189ed7c0774630b7d3a799530cb036"
    ),
    (
      "quick-gelu", "--to f16",
      "57c4d81885952757d182e23c443a1f22a113ef7f3b58fd5af165946456e6c6be"
    ),
    (
      "quick-gelu", "--to bf16",
      "b5d48d86dd4023087414e4130bb9e1f8d1dda6dd52ca71e82fef539a59ba261b"
    ),
    (
      "quick-gelu", "--to int8",
      "03a1e5d3a0157f6e98936ec514c303ff590d4e05f07f5ae5bc20f018aa8f1253"
    ),
    (
      "quick-gelu", "--bits 3",
      "ecbd8219028aff9e37a0a1039e9755577e18f87432811c26dc8b3f16904ba1a0"
    ),
    (
      "quick-gelu", "--bits 5.3",
      "16924782b835e18fa60339676c496a59bee7aa4950eeb9b3eb55819eb63b146d"
    ),
    (
      "float16", "--to lossless",
      "a295541d4a016345284ca60b63a750349adb4a74d7b32f2fd5035e99384ba1ce"
    ),
    (
      "float16", "--to f16",
      "92f1b0800c57494b47556b3f7ea0058a64ee061a17ff6376228b0b87658410fc"
    ),
    (
      "float16", "--to bf16",
      "b24cb2dc460a2fd61f5906fc3d7e28861fe24a3a4a2af922c28cd1d5d55aa316"
    ),
    (
      "float16", "--to int8",
      "dca7434b2a22f50380d3951fab94835349d1b2f010820242bf97a7ff092128cb"
    ),
    (
      "float16", "--bits 3",
      "13f27c455d43378dd008ae4802d7b661a752b83d2124d8e4522888fccad8c871"
    ),
    (
      "float16", "--bits 5.3",
      "8e7edc50debced90173c975b02cd2650f78a0f58514d85c21d8cdf8116ef1de5"
    ),
    (
      "bfloat16", "--to lossless",
      "eefcf360e4a63aa34a2ff2fb3c534432d8685d951206426a25d2d8f985dcb98e"
    ),
    (
      "bfloat16", "--to f16",
      "e1719a1eae946514401702be6294ccab6f0f71aca52afed9be172be8345dab1b"
    ),
    (
      "bfloat16", "--to bf16",
      "7e98aaf8107d7b93750c7a5cbadc4403bb55f8f5f6dae0a0b5e09390fcb49562"
    ),
    (
      "bfloat16", "--to int8",
      "e55429128bfde8c463b571ec644067eff9b552112abafd50459bc8faf5b2e0f3"
    ),
    (
      "bfloat16", "--bits 3",
      "810ddb07f4808bb71c657255fd7bad68ef6b874fc6a3f06880c20269f32be606"
    ),
    (
      "bfloat16", "--bits 5.3",
      "c14357f9c0bb9812648e6f3573550543d7bde17af25f36165badfc5b853fd5c8"
    ),
    (
      "open-clip", "--to lossless",
      "27af95a3c63b0bf748e28b4336340539580cd39bd57294d9309601d431c20a36"
    ),
    (
      "open-clip", "--to f16",
      "1a15f5730e864f82dc222812d96e14bcbe4ef5533b61ffe4e9ec0cf736fc2a1b"
    ),
    (
      "open-clip", "--to bf16",
      "1f513ae17eeb6d3563bf31484f8c1d90335a6c7900472b0aadf72492e18e9e29"
    ),
    (
      "open-clip", "--to int8",
      "86379b7b74a89eabc02992e4e3ccde1dc6cb03c31b07dd5dd57655e012e22d16"
    ),
    (
      "open-clip", "--bits 3",
      "2d129ae12bb70859e173ebd46143789368f1dda0660e46e5247548fe9d7c9a43"
    ),
    (
      "open-clip", "--bits 5.3",
      "7f3ab53863ab556ba7cd44b0ac2b8a98bd3d9d1bfa0145b30e6191d06dea5ef8"
    ),
    (
      "sharded", "--to lossless",
      "fad629e0eac7447bebc248f3785e1841683ce13c2b2b2fa24f82d8abf88a6777"
    ),
    (
      "sharded", "--to f16",
      "4c235ab2b8124f4f47b4de39f135dbff8baf90e14d654cc1796aeaf60fd2beb2"
    ),
    (
      "sharded", "--to bf16",
      "aa326304b41aa015745e0f8a6d61058b40e5e39228080cf7c80f2c61c1c23bbe"
    ),
    (
      "sharded", "--to int8",
      "44ba7159b1131ea420994dbfc0287dc97eb2b9289e552e656b1426a38a034268"
    ),
    (
      "sharded", "--bits 3",
      "2dab7216817174f5a9a69993084cb705d680f0e42f868113722e7e9e3d4f5819"
    ),
    (
      "sharded", "--bits 5.3",
      "55c1def2fde1fec2c7e7d82fa7873e542cc3945f44533dca6ac1f1987eb2e4e5"
    ),
    (
      "image-only", "--to lossless",
      "2050d99211b32b595dcdccb6aa92b2870be9898938b02705bb6dfdda9f548f5e"
    ),
    (
      "image-only", "--to f16",
      "8155b55f64da65a2f0bd5268a59026002f624ea60b88f595e3c727fe0dd77d13"
    ),
    (
      "image-only", "--to bf16",
      "798ec7ec5d0b53efddc57fa2a013c269244c59dae099d88cdd4dca2b2e9f67d9"
    ),
    (
      "image-only", "--to int8",
      "3baccd86056e093e881693a04d3c68ca1f0b2c3d5fd870f53407a467288f69f0"
    ),
    (
      "image-only", "--bits 3",
      "6a2fbfc5d24841da67ac489dadde6436b986cd1813600c6e2544a2826cc084a3"
    ),
    (
      "image-only", "--bits 5.3",
      "09f8baf3e3a2af7855b570fafdf9a53fd32311516fe144170b12d2d637d50aac"
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
    let conversion = Conversion(
      recipe: recipe, storage: storage, makesEvidence: false, calibration: .none,
      pool: WorkerPool(threads: threads))
    let summary = try conversion.run(
      Checkpoint(Fixture.path("models/\(model)").string), to: folder.appending("a.clippack"))
    return summary.contentDigest.description
  }
}
