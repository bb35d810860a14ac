import Bytes
import SystemPackage
import TestSupport
import Testing

/// What people and scripts see of each command.
@Suite("clip-pack")
struct CommandTests {
  let folder = TemporaryFolder()
  static let demo = Fixture.path("demo").string
  static let pictures = Fixture.path("pictures").string

  private func run(_ arguments: String...) throws -> Program.Result {
    try Program.run(arguments, in: folder.path)
  }

  @Test func `goes from a checkpoint to a verified pack in two commands`() throws {
    let weights = Self.demo + "/model.safetensors"
    let converted = try run("convert", weights)
    #expect(converted.status == 0)
    #expect(converted.errors == "")
    #expect(converted.output.hasPrefix("model.clippack: "))
    let verified = try run("verify")
    #expect(verified.status == 0)
    #expect(verified.output.contains("passed: every cosine is at least "))
  }

  @Test func `answers in JSON with the documented keys`() throws {
    let converted = try run("convert", Self.demo, "-o", "demo.clippack", "--json")
    #expect(
      Set(converted.json.keys).isSuperset(of: [
        "output", "source_bytes", "pack_bytes", "bits_per_weight", "seconds", "content_digest",
      ]))
    let verified = try run("verify", "demo.clippack", "--json")
    #expect(
      Set(verified.json.keys).isSuperset(of: [
        "passed", "image_cosine_min", "text_cosine_min", "image_max_abs", "text_max_abs",
        "logits_max_abs", "top1_agreement", "pack_bytes", "bits_per_weight",
      ]))
    let embedded = try run("embed", "demo.clippack", "--text", "a", "b", "--json")
    #expect((embedded.json["embeddings"] as? [[Double]])?.count == 2)
    let tokenized = try run("tokenize", "demo.clippack", "a red circle", "", "--json")
    #expect((tokenized.json["input_ids"] as? [[Int]])?.map(\.count) == [5, 2])
    let inspected = try run("inspect", "demo.clippack", "--json")
    #expect(
      inspected.json["content_digest"] as? String == converted.json["content_digest"] as? String)
    let benched = try run("bench", "demo.clippack", "--rounds", "1", "--json")
    #expect((benched.json["results"] as? [Any])?.isEmpty == false)
  }

  @Test func `works on a pack in every way`() throws {
    _ = try run("convert", Self.demo, "-o", "demo.clippack", "--to", "lossless", "--quiet")
    let picture = Self.pictures + "/01-red-on-black.jpg"
    let right = "a red shape on a black background"
    let classified = try run(
      "classify", "demo.clippack", "--image", picture, "--label",
      "a blue shape on a white background", right, "a green shape on a grey background")
    #expect(classified.status == 0)
    #expect(classified.output.split(separator: "\n")[1].hasSuffix(right))
    let pixels = try run("preprocess", "demo.clippack", picture, "-o", "pixels.safetensors")
    #expect(pixels.output == "pixels.safetensors: pixel_values 1×3×64×64, 49.2 kB\n")
    let repacked = try run(
      "repack", "demo.clippack", "-o", "mapped.clippack", "--storage", "mapped")
    #expect(repacked.status == 0)
    let unpacked = try run("unpack", "mapped.clippack", "-o", "out")
    #expect(
      unpacked.output.hasSuffix(
        "the weights are the source's, byte for byte (SHA-256 checked)\n"))
    let rebuilt = try run("verify", "demo.clippack", "--against", "out", "--rebuild")
    #expect(rebuilt.status == 0)
    #expect(rebuilt.output.contains("coded again from the source: every block is the same"))
  }

  /// A command line, its exit status, and the end of what it says.
  struct Refusal: CustomTestStringConvertible, Sendable {
    var arguments: [String]
    var status: Int32
    var message: String
    var testDescription: String { arguments.joined(separator: " ") }
  }

  static let refusals = [
    Refusal(
      arguments: ["verify"], status: 1,
      message: "clip-pack: there is no *.clippack here; name a pack, or make one with clip-pack "
        + "convert\n"),
    Refusal(
      arguments: ["verify", "none.clippack"], status: 2,
      message: "clip-pack: cannot open 'none.clippack': No such file or directory\n"),
    Refusal(
      arguments: ["inspect", "."], status: 2,
      message: "clip-pack: cannot read '.': Is a directory\n"),
    Refusal(
      arguments: ["verify", "text.clippack"], status: 1,
      message: "clip-pack: text.clippack: file is 5 bytes, a pack has at least 160\n"),
    Refusal(
      arguments: ["convert", Self.demo, "-o", "no/such/folder.clippack"], status: 2,
      message: "clip-pack: cannot write 'no/such/folder.clippack': No such file or directory\n"),
    Refusal(
      arguments: ["convert", Self.demo, "--threads", "0"], status: 64,
      message: "--threads is 0, 1 to 1024 are allowed.\n"),
  ]

  @Test(arguments: refusals)
  func `refuses in one line with a status`(refusal: Refusal) throws {
    if refusal.arguments.contains("text.clippack") {
      try folder.write(Array("hello".utf8), "text.clippack")
    }
    let result = try Program.run(refusal.arguments, in: folder.path)
    #expect(result.status == refusal.status)
    #expect(result.output == "")
    if refusal.status == 64 {
      #expect(result.errors.contains(refusal.message))
    } else {
      #expect(result.errors == refusal.message)
    }
  }

  @Test func `fails below a floor and says by how much`() throws {
    _ = try run("convert", Self.demo, "-o", "demo.clippack", "--quiet")
    let result = try run("verify", "--min-cosine", "1")
    #expect(result.status == 1)
    #expect(result.output.contains("failed: image cosine is 0.99"))
    #expect(result.output.contains("at least 1.0000000 is needed"))
  }

  @Test func `leaves nothing behind when it is refused`() throws {
    _ = try run("convert", Self.demo, "-o", "x.clippack", "--tokenizer", "nowhere")
    #expect(try Folder.names(in: folder.path) == [])
  }

  @Test func `says what it is for when it is called alone`() throws {
    let result = try run()
    #expect(result.output.hasPrefix("OVERVIEW: Convert CLIP checkpoints to small packs"))
    for command in [
      "convert", "verify", "inspect", "embed", "classify", "tokenize", "preprocess", "repack",
      "unpack", "bench",
    ] {
      #expect(result.output.contains("\n  \(command)"), "\(command)")
    }
  }
}
