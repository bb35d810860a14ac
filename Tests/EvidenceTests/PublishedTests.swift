import Bytes
import Checkpoints
import ClipPack
import ConversionSupport
import PackFormat
import SystemPackage
import TestSupport
import Testing

@testable import Evidence
@testable import Quantisation

/// Answers that are published of a checkpoint: transformers gave those of the fixture
/// (`Scripts/export_published.py`).
@Suite("published answers")
struct PublishedTests {
  let bench = Workbench()
  static let file = Fixture.path("models/quick-gelu/published.json")

  private func check(_ source: FilePath, _ target: Recipe.Target) throws -> PublishedCheck {
    let pack = try bench.convert(source, to: target, evidence: target != .lossless)
    return try PublishedCheck(bench.model(pack.path), among: PublishedAnswers.read(Self.file))
  }

  @Test(arguments: Recipe.Target.allCases)
  func `are given by a pack of those weights`(target: Recipe.Target) throws {
    let check = try check(Workbench.source("quick-gelu"), target)
    #expect(check.failures == [])
    #expect(
      Set(check.results.map(\.tensor)) == [
        "logits_per_image", "vision_hidden_states.0", "vision_hidden_states.2", "vision_pooled",
        "text_hidden_states.0", "text_hidden_states.3", "text_pooled", "image_embeds",
        "text_embeds",
      ])
    if target == .lossless {
      for result in check.results { #expect(result.allowed == 0.0005, "\(result.tensor)") }
    }
  }

  @Test func `are given by the same weights under other names`() throws {
    #expect(try check(Workbench.source("open-clip"), .lossless).hasPassed)
  }

  /// A hundredth more is seen where nothing is lost; where weights are rounded, a change must be
  /// larger than what that does.
  @Test(arguments: [(Recipe.Target.lossless, Float(1.01)), (.lossless, -1), (.int8, -1)])
  func `are not given when one matrix is another`(target: Recipe.Target, factor: Float) throws {
    let check = try check(changed(by: factor), target)
    #expect(!check.hasPassed)
    let clauses = check.failures
    #expect(clauses.contains { $0.hasPrefix("vision_hidden_states.2[") })
    for clause in clauses {
      #expect(clause.hasSuffix("; these are not the original weights of quick-gelu"))
    }
    // The text tower is the original's.
    #expect(!clauses.contains { $0.hasPrefix("text_") })
  }

  /// The checkpoint with one matrix of its image tower multiplied.
  private func changed(by factor: Float) throws -> FilePath {
    let source = Workbench.source("quick-gelu")
    let folder = bench.folder.appending("changed")
    try Folder.create(folder)
    for name in ["config.json", "preprocessor_config.json"] {
      try bench.folder.write(Workbench.bytes(source.appending(name)), "changed/" + name)
    }
    var bytes = try Workbench.bytes(source.appending("model.safetensors"))
    let name = "vision_model.encoder.layers.1.mlp.fc2.weight"
    let range = try #require(Checkpoint(source.string).location(of: name))
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
      let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * $1) }
      let value = (Float(bitPattern: bits) * factor).bitPattern
      for byte in 0..<4 { bytes[start + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
    }
    try bench.folder.write(bytes, "changed/model.safetensors")
    return folder
  }

  @Test func `are not asked of a model of another shape`() throws {
    let error = #expect(throws: Refusal.self) { try check(Workbench.source("gelu"), .lossless) }
    #expect(
      error?.description
        == "the model has another shape than all checkpoints with published answers (quick-gelu)")
  }

  @Test func `need to know how much a pack has lost`() throws {
    let pack = try bench.convert(Workbench.source("quick-gelu"), to: .int8, evidence: false)
    let error = #expect(throws: Refusal.self) {
      try PublishedCheck(bench.model(pack.path), among: PublishedAnswers.read(Self.file))
    }
    #expect(error?.description.hasPrefix("the pack has no evidence") == true)
  }

  @Test func `that come with the program are of ViT-B/32`() throws {
    let all = try PublishedAnswers.builtIn
    #expect(all.map(\.name) == ["openai/clip-vit-base-patch32"])
    for answer in all[0].answers {
      #expect(answer.source.hasPrefix("elixir-nx/bumblebee, test/bumblebee/"))
      for slice in answer.expected {
        #expect(slice.extents.reduce(1, *) == slice.values.count, "\(slice.tensor)")
      }
    }
    #expect(all[0].answers.flatMap(\.expected).count == 4)
  }

  static let damage: [(text: String, message: String)] = [
    ("[]", "format is missing, \"clip-pack published answers 1\" is needed"),
    (
      #"{"format":"clip-pack published answers 1","checkpoints":{}}"#,
      "checkpoints is an object of 0 members, a list is needed"
    ),
    (
      #"{"format":"clip-pack published answers 1","checkpoints":[{"name":"a"}]}"#,
      "a checkpoint lacks name or configuration"
    ),
    (
      answer(#""tolerance":0"#),
      "an answer lacks source, tolerance or expected, or its tolerance is not above 0"
    ),
    (
      answer(#""tolerance":1,"expected":{"image_embeds":{"values":[[1],[1,2]]}}"#),
      "image_embeds.values has lists of different lengths"
    ),
    (
      answer(#""tolerance":1,"expected":{"image_embeds":{"from":[-1,0],"values":[[1]]}}"#),
      "image_embeds.from is [-1, 0], 2 places of at least 0 are needed, one for each extent of "
        + "values"
    ),
    (
      answer(#""tolerance":1,"input_ids":[[1,"a"]],"expected":{"image_embeds":{"values":[[1]]}}"#),
      #"input_ids has [1, "a"], lists of whole numbers are needed"#
    ),
  ]

  private static func answer(_ members: String) -> String {
    #"{"format":"clip-pack published answers 1","checkpoints":[{"name":"a","configuration":"#
      + #"{"model_type":"clip"},"answers":[{"source":"b",\#(members)}]}]}"#
  }

  @Test(arguments: damage)
  func `in a damaged file are refused`(damage: (text: String, message: String)) throws {
    let path = try bench.folder.write(Array(damage.text.utf8), "a.json")
    let error = #expect(throws: Refusal.self) { try PublishedAnswers.read(path) }
    #expect(error?.description == "'\(path)': \(damage.message)")
  }

  @Test func `beyond the model's outputs are refused`() throws {
    let pack = try bench.convert(Workbench.source("quick-gelu"), to: .lossless, evidence: false)
    let model = try bench.model(pack.path)
    var all = try PublishedAnswers.read(Self.file)
    all[0].answers[0].expected = [
      .init(tensor: "vision_pooled", from: [0, 39], extents: [1, 2], values: [0, 0])
    ]
    let error = #expect(throws: Refusal.self) { try PublishedCheck(model, among: all) }
    #expect(
      error?.description.hasSuffix(
        ": vision_pooled from [0, 39] of [1, 2] is asked for, the model gives [2, 40]") == true)
  }
}
