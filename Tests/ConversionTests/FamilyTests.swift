import Architecture
import Bytes
import Checkpoints
import ClipPack
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

/// Families besides CLIP, against their own library. The models and its answers are made by
/// `Scripts/make_family_models.py Tests/Fixtures/families`.
@Suite("families")
struct FamilyTests {
  static let models = [
    "siglip", "siglip-gelu", "resnet", "resnet-gelu", "open-clip-mean", "open-clip-queries",
    "open-clip-captions", "open-clip-eos", "timm-siglip", "timm-siglip-giant", "timm-token",
    "timm-clip", "timm-eva-1", "timm-eva-2", "timm-eva-2-post", "timm-perception",
    "timm-perception-big", "timm-convnext", "timm-convnext-wide", "timm-mobile", "timm-mobile-2",
    "timm-mobile-base", "timm-vitamin", "timm-vitamin-xlarge", "metaclip2", "metaclip2-gelu",
    "chinese-clip", "chinese-clip-relu", "cn-clip", "cn-clip-resnet", "altclip",
    "altclip-4", "pair-bert", "pair-xlm-roberta",
    "hf-bert", "hf-bert-pooler", "hf-xlm-roberta", "hf-roberta", "hf-nllb", "hf-nllb-mean",
  ]

  private static func folder(_ model: String) -> FilePath { Fixture.path("families/\(model)") }

  @Test(arguments: models)
  func `a model answers like its own library, stage by stage`(model: String) throws {
    let bench = Workbench()
    let pack = try bench.convert(Self.folder(model), to: .lossless, evidence: false)
    let verification = try Verification.withReference(
      Self.folder(model).appending("reference.safetensors"), bench.model(pack.path),
      minimumCosine: 0.999_999)
    let comparison = verification.comparison
    #expect(verification.hasPassed, "\(verification.failures)")
    #expect(try #require(comparison.image).maximumDifference <= 1e-5)
    #expect(try #require(comparison.text).maximumDifference <= 1e-5)
    #expect(try #require(comparison.logitsMaximumDifference) <= 1e-4)
    for stages in [comparison.imageStages, comparison.textStages] {
      if let worst = stages?.worst { #expect(worst.error <= 1e-5, "\(worst.name)") }
    }
    if model.hasPrefix("timm-") {
      let stages = try #require(bench.model(pack.path).graph.image).stages.map(\.name)
      #expect(
        comparison.imageStages?.names
          == stages.filter { $0 == "embeddings" || $0.contains("block ") })
      #expect(comparison.textStages?.names == ["embeddings", "block 0"])
    }
    if model.hasPrefix("hf-") {
      #expect(comparison.textStages?.names.last?.hasPrefix("block ") == true)
    }
    // Where the library shows more than the blocks.
    let hasStages = !["resnet", "open-clip", "hf-", "timm-", "cn-"].contains {
      model.hasPrefix($0)
    }
    if hasStages {
      #expect(["pooled", "projected"].contains(comparison.imageStages?.names.last))
      #expect(comparison.textStages?.names.first == "embeddings")
    }
    if hasStages, !model.hasPrefix("siglip") {
      #expect(["pooled", "projected"].contains(comparison.textStages?.names.last))
    }
  }

  @Test(arguments: models)
  func `a model comes back byte for byte`(model: String) throws {
    let bench = Workbench()
    let pack = try bench.convert(Self.folder(model), to: .lossless, evidence: false)
    let folder = bench.folder.appending("restored")
    let summary = try Unpacking.run(bench.model(pack.path).pack, into: folder)
    #expect(summary.isSource)
    #expect(
      try Workbench.bytes(folder.appending("model.safetensors"))
        == Workbench.bytes(Self.folder(model).appending("model.safetensors")))
    // What was written beside the weights describes the same network.
    let (again, source) = (
      try Checkpoint(folder.string), try Checkpoint(Self.folder(model).string)
    )
    #expect(again.graph == source.graph)
    #expect(again.preprocessing == source.preprocessing)
  }

  /// Names of other releases, and of models whose text tower has no prefix.
  private static func ownName(_ name: String, _ model: String) -> String {
    switch model {
    case "altclip-4": name.replacing(".encoder.layer.", with: ".encoder.layers.")
    case "pair-xlm-roberta":
      name.replacing("vision_model.vision_model.", with: "vision_model.")
    case "resnet", "resnet-gelu":
      name.hasPrefix("visual.") || name == "logit_scale" ? name : "text." + name
    default: name
    }
  }

  // Of cn-clip it is another library's: transformers' or open_clip's.
  @Test(arguments: models.filter { !$0.hasPrefix("cn-clip") })
  func `what int8 decodes to has the names and shapes of its library, and loads`(
    model: String
  ) throws {
    let bench = Workbench()
    let path = try bench.convert(Self.folder(model), to: .int8, evidence: false).path
    let pack = try Pack(path, pool: bench.pool)
    let folder = bench.folder.appending("unpacked")
    #expect(try !Unpacking.run(pack, into: folder).isSource)
    let source = try Checkpoint(Self.folder(model).string)
    let unused = Set(source.unused)
    let written = try Safetensors(folder.appending("model.safetensors"))
    let expected = try Safetensors(Self.folder(model).appending("model.safetensors")).tensors
      .filter { !unused.contains($0.name) }
      .map { "\(Self.ownName($0.name, model)) \($0.shape)" }
    #expect(written.tensors.map { "\($0.name) \($0.shape)" }.sorted() == expected.sorted())
    let described = folder.appending("open_clip_config.json")
    if FileKind(of: described) == .file {
      // open_clip prepares pictures as the pack does.
      let bytes = try Workbench.bytes(described)
      let preprocessing = try Preprocessing(
        openCLIP: JSON(parsing: bytes.span), imageSize: try #require(source.graph.imageSize))
      #expect(preprocessing == source.preprocessing)
    }
    let again = try bench.convert(folder, to: .lossless, evidence: false, as: "again").path
    let second = try Pack(again, pool: bench.pool)
    #expect(try second.json(.network) == pack.json(.network))
    for tensor in pack.tensors where tensor.isModel {
      let other = try #require(second.tensor(tensor.name))
      #expect(try pack.decoded(tensor).floats == second.decoded(other).floats, "\(tensor.name)")
    }
  }

  @Test(arguments: models)
  func `int8 stays near and verifies by its own evidence`(model: String) throws {
    let bench = Workbench()
    let pack = try bench.convert(Self.folder(model), to: .int8)
    #expect(try #require(pack.summary.comparison).cosineMinimum >= 0.995)
    let verification = try Verification.ofEvidence(bench.model(pack.path), minimumCosine: nil)
    #expect(verification.hasPassed, "\(verification.failures)")
  }

  @Test func `a tower alone is the same tower`() throws {
    let bench = Workbench()
    for model in Self.models {
      for (towers, tower) in [(Recipe.Towers.image, Tower.image), (.text, .text)] {
        let pack = try bench.convert(
          Self.folder(model), to: .lossless, towers: towers, evidence: false)
        let found = try bench.model(pack.path)
        let whole = try Checkpoint(Self.folder(model).string)
        #expect(found.graph[tower] == whole.graph[tower])
        #expect(Tower.allCases.count { found.graph[$0] != nil } == 1)
      }
    }
  }

  @Test(arguments: ["siglip", "metaclip2", "chinese-clip", "altclip"])
  func `rows of a layer are transformers' hidden states, padding too`(model: String) throws {
    let bench = Workbench()
    let pack = try bench.convert(Self.folder(model), to: .lossless, evidence: false)
    let tower = try #require(bench.model(pack.path).textTower)
    let file = try Safetensors(Self.folder(model).appending("reference.safetensors"))
    let ids = try #require(file.tensor(named: "input_ids"))
    let bytes = ids.buffer.bytes
    let texts = (0..<ids.rows).map { row in
      (0..<ids.columns).map { column in
        Int(
          unsafe bytes.unsafeLoadUnaligned(
            fromByteOffset: 8 * (row * ids.columns + column), as: Int64.self))
      }
    }
    for layer in 0...tower.graph.layerCount {
      let name = try #require(tower.graph.stage(ofLayer: layer))
      let expected = try #require(file.tensor(named: "text_hidden_states.\(layer)")).floats
      let found = try tower.states(texts, at: name)
      let size = expected.count / texts.count
      for (index, ids) in texts.enumerated() {
        // Causal towers were run with a mask there, which the rows behind the end take part in.
        let rows = model == "metaclip2" ? try #require(ids.firstIndex(of: 2)) + 1 : ids.count
        let count = size / ids.count * rows
        let mine = found[index][..<count]
        let its = expected[index * size..<index * size + count]
        let difference = zip(mine, its).map { abs($0 - $1) }.max() ?? .infinity
        #expect(difference <= 1e-4, "\(name)")
      }
      #expect(tower.graph.stage(ofLayer: layer - tower.graph.layerCount - 1) == name)
    }
    #expect(tower.graph.stage(ofLayer: tower.graph.layerCount + 1) == nil)
    #expect(tower.graph.stage(ofLayer: .min) == nil)
  }

  @Test(arguments: ["chinese-clip", "altclip-4"])
  func `a text of padding alone is refused`(model: String) throws {
    let bench = Workbench()
    let pack = try bench.convert(
      Self.folder(model), to: .lossless, towers: .text, evidence: false)
    let padding = model == "chinese-clip" ? 0 : 2
    let error = #expect(throws: TowerError.self) {
      try bench.model(pack.path).embed(ids: [[padding, 5], [padding, padding]])
    }
    #expect(
      error?.description
        == "text 1 has no token that the model looks at where it must look at one: "
        + "id \(padding) is its padding")
  }

  @Test func `a tensor that belongs to nothing is refused by name`() throws {
    let folder = TemporaryFolder()
    for name in ["model.safetensors", "config.json"] {
      let bytes = try Workbench.bytes(Self.folder("siglip").appending(name))
      try folder.write(bytes, name)
    }
    let path = folder.appending("model.safetensors")
    let source = try Safetensors(path)
    var writer = try SafetensorsWriter(
      replacing: folder.appending("more.safetensors"),
      tensors: source.tensors.map { .init($0.name, $0.elementType, $0.shape) }
        + [.init("text_model.encoder.layers.0.adapter.weight", .float32, [1])],
      metadata: [:])
    for entry in source.tensors {
      let buffer = try #require(source.tensor(named: entry.name)).buffer
      try writer.append(buffer.bytes)
    }
    let one = Buffer(littleEndian: [Float(1)])
    try writer.append(one.bytes)
    try writer.commit()
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint(folder.appending("more.safetensors").string)
    }
    #expect(
      error?.description.contains(
        "\"text_model.encoder.layers.0.adapter.weight\": belongs to no part of the model") == true)
  }
}
