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
    #expect(
      verified.output.contains("  unsigned: the recorded answers are only the maker's claim\n"))
    #expect(verified.output.contains("passed: every cosine is at least the floor of "))
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
    #expect(rebuilt.output.contains("coded again from the source: the whole content is the same"))
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
      message: "clip-pack: cannot read '.': it is a folder; name a file in it\n"),
    Refusal(
      arguments: ["verify", "text.clippack"], status: 1,
      message: "clip-pack: text.clippack: file is 5 bytes, a pack has at least 160\n"),
    Refusal(
      arguments: ["convert", Self.demo, "-o", "no/such/folder.clippack"], status: 2,
      message: "clip-pack: cannot write 'no/such/folder.clippack': No such file or directory\n"),
    Refusal(
      arguments: ["convert", Self.demo, "--threads", "0"], status: 64,
      message: "clip-pack: --threads is 0, 1 to 1024 are allowed; see clip-pack convert --help\n"),
    Refusal(
      arguments: ["convert"], status: 64,
      message: "clip-pack: missing expected argument '<source>'; see clip-pack convert --help\n"),
    Refusal(
      arguments: ["verify", "--qqqqqqqqqq"], status: 64,
      message: "clip-pack: unknown option '--qqqqqqqqqq'; see clip-pack verify --help\n"),
    Refusal(
      arguments: ["convert", Self.demo, "--to", "int4"], status: 64,
      message: "clip-pack: the value 'int4' is invalid for '--to <to>', allowed are 'lossless', "
        + "'f16', 'bf16' or 'int8'; see clip-pack convert --help\n"),
    Refusal(
      arguments: ["convert", Self.demo, "--bits", "four"], status: 64,
      message: "clip-pack: the value 'four' is invalid for '--bits <b>': a number is needed, 2 to "
        + "9; see clip-pack convert --help\n"),
    Refusal(
      arguments: ["convert", Self.demo, "--bits", "1"], status: 64,
      message: "clip-pack: --bits is 1, 2 to 9 are allowed; see clip-pack convert --help\n"),
    Refusal(
      arguments: ["convert", Self.demo, "--max-bytes", "lots"], status: 64,
      message: "clip-pack: the value 'lots' is invalid for '--max-bytes <n>': bytes are needed, "
        + "such as 60MB or 60000000; see clip-pack convert --help\n"),
    Refusal(
      arguments: ["verify", "x", "--min-cosine", "high"], status: 64,
      message: "clip-pack: the value 'high' is invalid for '--min-cosine <c>': a number is needed, "
        + "-1 to 1; see clip-pack verify --help\n"),
    Refusal(
      arguments: ["bench", "x", "--rounds", "1.5"], status: 64,
      message: "clip-pack: the value '1.5' is invalid for '--rounds <n>': a whole number is "
        + "needed, 1 up; see clip-pack bench --help\n"),
    Refusal(
      arguments: ["embed", "x", "--shards", "y", "-o", "z", "--shard", "2/2"], status: 64,
      message: "clip-pack: the value '2/2' is invalid for '--shard <i/n>': two whole numbers are "
        + "needed, such as 0/4 to 3/4; see clip-pack embed --help\n"),
    Refusal(
      arguments: ["embed", "x", "--json", "photo.jpg", "--threads", "1"], status: 64,
      message: "clip-pack: 'photo.jpg' needs --image or --text before it; see clip-pack embed "
        + "--help\n"),
    Refusal(
      arguments: ["embed", "x", "-o", "v.npy"], status: 64,
      message: "clip-pack: give one of --image FILE…, --images-from FILE, --text S…, --texts-from "
        + "FILE and --shards FILE…; see clip-pack embed --help\n"),
    Refusal(
      arguments: ["convert", Self.demo, "--bit", "4"], status: 64,
      message: "clip-pack: unknown option '--bit', did you mean '--bits'? See clip-pack convert "
        + "--help\n"),
    Refusal(
      arguments: ["help", "convrt"], status: 64,
      message: "clip-pack: there is no command \"convrt\", there are convert, verify, inspect, "
        + "embed, classify, tokenize, preprocess, export, repack, unpack, keygen, sign, bench\n"),
    Refusal(
      arguments: ["verify", Self.demo + "/model.safetensors"], status: 1,
      message: "clip-pack: \(Self.demo)/model.safetensors: file is a safetensors checkpoint, not "
        + "a pack; convert it to have one (byte 0x0)\n"),
    Refusal(
      arguments: ["--frob"], status: 64,
      message: "clip-pack: unknown option '--frob'; see clip-pack --help\n"),
    Refusal(
      arguments: ["frob"], status: 64,
      message: "clip-pack: there is no command \"frob\", there are convert, verify, inspect, "
        + "embed, classify, tokenize, preprocess, export, repack, unpack, keygen, sign, bench\n"),
    Refusal(
      arguments: ["inspect", "a\u{1b}[2J\nb"], status: 2,
      message: "clip-pack: cannot open 'a\\u001b[2J\\nb': No such file or directory\n"),
  ]

  @Test(arguments: refusals)
  func `refuses in one line with a status`(refusal: Refusal) throws {
    if refusal.arguments.contains("text.clippack") {
      try folder.write(Array("hello".utf8), "text.clippack")
    }
    let result = try Program.run(refusal.arguments, in: folder.path)
    #expect(result.status == refusal.status)
    #expect(result.output == "")
    #expect(result.errors == refusal.message)
  }

  @Test func `names what a pack does not have`() throws {
    let model = Fixture.path("models/image-only").string
    _ = try run("convert", model, "-o", "a.clippack", "--quiet")
    for (arguments, message) in [
      (["verify", "a.clippack", "--tower", "text"], "a.clippack: the pack has no text tower"),
      (["verify", "a.clippack", "--tensor", "x"], "a.clippack: the pack has no tensor \"x\""),
      (
        ["convert", model, "-o", "b.clippack", "--evidence-texts", "texts"],
        "\(model): there are texts for evidence, and no text tower to ask"
      ),
      (
        ["sign", "a.clippack", "--key", "k.pub"],
        "'k.pub' is a public key; the private one of the "
          + "pair signs"
      ),
    ] {
      try folder.write(Array("a text\n".utf8), "texts")
      if FileKind(of: folder.appending("k")) == nil { _ = try run("keygen", "-o", "k") }
      let result = try Program.run(arguments, in: folder.path)
      #expect(result.status == 1)
      #expect(result.errors == "clip-pack: \(message)\n")
    }
    let other = try Program.run(["verify", "a.clippack", "--against", Self.demo], in: folder.path)
    #expect(other.status == 1)
    #expect(
      other.output.contains(
        "failed: the source '\(Self.demo)' is of another architecture than the pack: "
          + "image.input.pixels[1] is 64 there, 30 in the pack\n"))
    #expect(try Folder.names(in: folder.path) == ["a.clippack", "k", "k.pub", "texts"])
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

  @Test func `leaves no folder behind when a pack cannot be unpacked`() throws {
    _ = try run("convert", Self.demo, "-o", "x.clippack", "--to", "lossless", "--quiet")
    let path = folder.appending("x.clippack")
    let file = try MappedFile(path)
    var bytes = file.bytes.array
    // In the middle of a weight: the preamble and the index stay sound.
    bytes[bytes.count / 2] ^= 1
    try folder.write(bytes, "x.clippack")
    let result = try run("unpack", "x.clippack", "-o", "new/out")
    #expect(result.status == 1)
    #expect(result.errors.hasPrefix("clip-pack: x.clippack: tensor \""))
    #expect(FileKind(of: folder.appending("new")) == nil)
    // What was there stays.
    try Folder.create(folder.appending("old"))
    #expect(try run("unpack", "x.clippack", "-o", "old/out").status == 1)
    #expect(try Folder.names(in: folder.appending("old")) == [])
  }

  @Test func `recognises the original by what is published of it`() throws {
    let model = Fixture.path("models/quick-gelu")
    let answers = model.appending("published.json").string
    _ = try run("convert", model.string, "-o", "a.clippack", "--quiet")
    let passed = try run("verify", "a.clippack", "--published", "--published-answers", answers)
    #expect(passed.status == 0)
    #expect(passed.output.hasSuffix("passed: it answers like the original quick-gelu\n"))
    let refused = try run("verify", "a.clippack", "--published", "--json")
    #expect(refused.status == 1)
    #expect(
      refused.errors
        == "clip-pack: a.clippack: the model has another shape than all checkpoints with published "
        + "answers (openai/clip-vit-base-patch32)\n")
  }

  @Test func `says what it is for when it is called alone`() throws {
    let result = try run()
    #expect(result.output.hasPrefix("OVERVIEW: Convert CLIP checkpoints to small packs"))
    for command in [
      "convert", "verify", "inspect", "embed", "classify", "tokenize", "preprocess", "repack",
      "unpack", "bench", "export",
    ] {
      #expect(result.output.contains("\n  \(command)"), "\(command)")
    }
  }
}
