import Architecture
import Bytes
import Checkpoints
import ClipPack
import Concurrency
import ConversionSupport
import Evidence
import PackFormat
import PackTools
import Quantisation
import SystemPackage
import Tensors
import TestSupport
import Testing
import Towers

@testable import Conversion

/// Text towers of other libraries, and models that take one. Their answers are made by
/// `Scripts/make_family_models.py Tests/Fixtures/families`.
@Suite("text towers of another source")
struct TextTowerTests {
  static let encoders = [
    "m-clip", "m-clip-labse", "sentence-transformers", "sentence-transformers-2",
  ]
  /// Models whose spaces are as wide as the encoders'.
  static let bases = [
    "m-clip": "metaclip2", "m-clip-labse": "hf-xlm-roberta",
    "sentence-transformers": "chinese-clip", "sentence-transformers-2": "hf-nllb-mean",
  ]

  private static func folder(_ model: String) -> FilePath { Fixture.path("families/\(model)") }

  private static func convert(
    _ bench: Workbench, _ encoder: String, to target: Recipe.Target, as name: String = "x"
  ) throws -> (path: FilePath, checkpoint: Checkpoint, summary: Conversion.Summary) {
    let base = try #require(bases[encoder])
    let checkpoint = try Checkpoint(
      folder(base).string, textTower: folder(encoder).string)
    let path = bench.folder.appending("\(name).clippack")
    let summary = try Conversion(
      recipe: Recipe(target: target, towers: .both, rate: nil), calibration: .none,
      pool: bench.pool
    ).run(checkpoint, to: path)
    return (path, checkpoint, summary)
  }

  @Test(arguments: encoders)
  func `an encoder alone answers like its own library`(encoder: String) throws {
    let bench = Workbench()
    let pack = try bench.convert(Self.folder(encoder), to: .lossless, evidence: false)
    let verification = try Verification.withReference(
      Self.folder(encoder).appending("reference.safetensors"), bench.model(pack.path),
      minimumCosine: 0.999_999)
    #expect(verification.hasPassed, "\(verification.failures)")
    #expect(try #require(verification.comparison.text).maximumDifference <= 1e-5)
    let stages = try #require(verification.comparison.textStages)
    #expect(stages.names == ["projected"])
    #expect(try #require(stages.worst).error <= 1e-5)
  }

  @Test(arguments: encoders)
  func `the texts of a composed model are the encoder's, the pictures the base's`(
    encoder: String
  ) throws {
    let bench = Workbench()
    let (path, _, summary) = try Self.convert(bench, encoder, to: .lossless)
    let model = try bench.model(path)
    #expect(summary.notes.contains { $0.hasPrefix("the text tower is that of ") })
    let verification = try Verification.withReference(
      Self.folder(encoder).appending("reference.safetensors"), model, minimumCosine: 0.999_999)
    #expect(verification.hasPassed, "\(verification.failures)")
    let base = try bench.convert(
      Self.folder(try #require(Self.bases[encoder])), to: .lossless, evidence: false, as: "base")
    let pixels = try bench.model(base.path)
    let size = try #require(model.graph.imageSize)
    let values = (0..<3 * size * size).map { Float($0 % 17) / 9 - 1 }
    let (mine, its) = (
      try #require(model.imageTower).embed(values.span),
      try #require(pixels.imageTower).embed(values.span)
    )
    #expect(mine == its)
  }

  @Test(arguments: encoders)
  func `both sources come back byte for byte, and are the same model again`(
    encoder: String
  ) throws {
    let bench = Workbench()
    let (path, checkpoint, _) = try Self.convert(bench, encoder, to: .lossless)
    let folder = bench.folder.appending("restored")
    let summary = try Unpacking.run(bench.model(path).pack, into: folder)
    #expect(summary.isSource)
    let weights = encoder == "sentence-transformers-2" ? "0_Transformer/" : ""
    let base = try #require(Self.bases[encoder])
    #expect(
      try Workbench.bytes(folder.appending("model.safetensors"))
        == Workbench.bytes(Self.folder(base).appending("model.safetensors")))
    let source = FilePath(Self.folder(encoder).string + "/" + weights + "model.safetensors")
    let text = folder.appending("text_tower")
    #expect(
      try Workbench.bytes(text.appending("model.safetensors")) == Workbench.bytes(source))
    let again = try Checkpoint(folder.string, textTower: text.string)
    #expect(again.graph == checkpoint.graph)
    #expect(again.family.json == checkpoint.family.json)
  }

  @Test(arguments: encoders)
  func `int8 verifies by its evidence and against both sources`(encoder: String) throws {
    let bench = Workbench()
    let (path, checkpoint, summary) = try Self.convert(bench, encoder, to: .int8)
    #expect(try #require(summary.comparison).cosineMinimum >= 0.995)
    let model = try bench.model(path)
    #expect(try Verification.ofEvidence(model, minimumCosine: nil).hasPassed)
    let original = try Original(checkpoint)
    let verification = try Verification.against(original, model, minimumCosine: 0.99)
    #expect(verification.hasPassed, "\(verification.failures)")
    #expect(try Rebuilding(of: model.pack, from: original).differences == [])
    let other = try Checkpoint(Self.folder(try #require(Self.bases[encoder])).string)
    #expect(try !Verification.against(Original(other), model).hasPassed)
  }

  @Test(arguments: encoders)
  func `what an encoder's int8 decodes to loads`(encoder: String) throws {
    let bench = Workbench()
    let path = try bench.convert(Self.folder(encoder), to: .int8, evidence: false).path
    let pack = try Pack(path, pool: bench.pool)
    let folder = bench.folder.appending("unpacked")
    _ = try Unpacking.run(pack, into: folder)
    let again = try bench.convert(folder, to: .lossless, evidence: false, as: "again").path
    let second = try Pack(again, pool: bench.pool)
    for tensor in pack.tensors where tensor.isModel {
      let other = try #require(second.tensor(tensor.name))
      #expect(try pack.decoded(tensor).floats == second.decoded(other).floats, "\(tensor.name)")
    }
  }

  @Test func `what two sources became without all of their bits is no checkpoint`() throws {
    let bench = Workbench()
    let (path, _, _) = try Self.convert(bench, "m-clip", to: .int8)
    let folder = bench.folder.appending("unpacked")
    let error = #expect(throws: FormatError.self) {
      try Unpacking.run(Pack(path, pool: bench.pool), into: folder)
    }
    #expect(
      error?.reason
        == "the towers are those of two sources, which no library has as one model: lossless packs "
        + "give both sources back, of others a pack of each source by itself becomes a "
        + "checkpoint")
    #expect(FileKind(of: folder) == nil)
  }

  /// What is refused, and with which words.
  @Test func `parts that do not fit are refused`() throws {
    func refusal(_ base: String, _ text: String) -> String? {
      let error = #expect(throws: CheckpointError.self) {
        try Checkpoint(Self.folder(base).string, textTower: Self.folder(text).string)
      }
      return error?.description
    }
    #expect(
      refusal("metaclip2", "m-clip-labse")?.hasSuffix(
        "network: embeddings of images are 20 wide, those of texts 24") == true)
    #expect(
      refusal("m-clip", "m-clip")?.hasSuffix(
        "the model that a text tower is given to has no image tower") == true)
  }

  @Test func `a tokenizer that pads with another id is refused`() throws {
    let bench = Workbench()
    let folder = TemporaryFolder()
    let words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "a", "b"]
    try folder.write(Array((words.joined(separator: "\n") + "\n").utf8), "vocab.txt")
    let conversion = Conversion(
      recipe: Recipe(target: .lossless, towers: .both, rate: nil), tokenizerFolder: folder.path,
      pool: bench.pool)
    let error = #expect(throws: Refusal.self) {
      try conversion.run(
        Checkpoint(Self.folder("hf-bert").string), to: bench.folder.appending("x"))
    }
    #expect(
      error?.reason.hasSuffix(
        "the tokenizer pads with id 3, the model hides id 0; it belongs to another model") == true)
  }

  static let damages: [(name: String, text: String, message: String)] = [
    (
      "modules.json", #"[{"path":"","type":"sentence_transformers.models.LSTM"}]"#,
      #"a module is "sentence_transformers.models.LSTM", one each of Transformer, Pooling, Dense "#
        + "and Normalize is supported"
    ),
    (
      "modules.json", #"[{"path":"../x","type":"sentence_transformers.models.Transformer"}]"#,
      #"the path of a module is "../x", a folder in this one is needed"#
    ),
    (
      "modules.json", "[]", "has no Transformer and Pooling, which are needed"
    ),
    (
      "1_Pooling/config.json", #"{"pooling_mode_max_tokens":true}"#,
      "1_Pooling/config.json.pooling_mode_max_tokens is true, pooling_mode_mean_tokens or "
        + "pooling_mode_cls_token alone is supported"
    ),
    (
      "2_Dense/config.json", #"{"in_features":36,"out_features":20,"activation_function":"x"}"#,
      #"2_Dense/config.json.activation_function is "x", "torch.nn.modules.linear.Identity" or "#
        + #""torch.nn.modules.activation.Tanh" is supported"#
    ),
    (
      "2_Dense/config.json", #"{"in_features":35,"out_features":20}"#,
      "2_Dense/config.json.in_features is 35, the encoder is 36 wide"
    ),
    (
      "sentence_bert_config.json", #"{"do_lower_case":true}"#,
      "sentence_bert_config.json.do_lower_case is true, only false is supported"
    ),
    (
      "config.json", #"{"model_type":"distilbert","sinusoidal_pos_embds":true}"#,
      "config.json.sinusoidal_pos_embds is true, only false is supported"
    ),
  ]

  @Test(arguments: damages.indices)
  func `a damaged folder of sentence-transformers is refused by its place`(index: Int) throws {
    let damage = Self.damages[index]
    let folder = TemporaryFolder()
    for name in ["1_Pooling", "2_Dense"] { try Folder.create(folder.appending(name)) }
    for name in [
      "config.json", "model.safetensors", "modules.json", "sentence_bert_config.json",
      "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors",
    ] {
      let source = FilePath(Self.folder("sentence-transformers").string + "/" + name)
      try folder.write(try Workbench.bytes(source), name)
    }
    try folder.write(Array(damage.text.utf8), damage.name)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(folder.path.string) }
    #expect(error?.description.hasSuffix(damage.message) == true, "\(String(describing: error))")
  }
}
