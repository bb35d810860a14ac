import Architecture
import Bytes
import SystemPackage
import TestSupport
import Testing

@testable import Checkpoints

/// Towers by themselves, in the ways in which they are published.
@Suite("A tower by itself")
struct SingleTowerTests {
  private let folder = TemporaryFolder()

  /// The tensors of one tower of a small model.
  private func stored(_ tower: Tower, projection: Bool) -> [TinyModel.Stored] {
    let (model, head) =
      tower == .image
      ? ("vision_model.", "visual_projection") : ("text_model.", "text_projection")
    return TinyModel().transformers().filter {
      $0.name.hasPrefix(model) || projection && $0.name.hasPrefix(head)
    }
  }

  private func open(
    _ stored: [TinyModel.Stored], _ configuration: JSON
  ) throws -> Checkpoint {
    try folder.write(configuration, "config.json")
    try TinyModel.write(stored, folder.appending("model.safetensors"))
    return try Checkpoint(folder.path.string)
  }

  @Test(arguments: Tower.allCases, [true, false])
  func `may lie beside a configuration of both`(tower: Tower, projection: Bool) throws {
    let checkpoint = try open(
      stored(tower, projection: projection), TinyModel().configuration.json)
    #expect(Tower.allCases.filter { checkpoint.graph[$0] != nil } == [tower])
    let family = try #require(checkpoint.family as? CLIPConfiguration)
    #expect(family.hasProjection == projection)
    #expect(checkpoint.graph.width == (projection ? 6 : checkpoint.graph[tower]?.stageWidth))
    #expect(checkpoint.unused == [])
    #expect(checkpoint.assumptions.count { $0.contains("is not among the weights") } == 1)
    #expect(checkpoint.assumptions.contains { $0.contains("no projection") } != projection)
    // The section of a pack says the same.
    let again = try #require(try Families.read(family.json))
    #expect(again.network == family.network)
  }

  @Test(arguments: Tower.allCases)
  func `may have names without the model in front`(tower: Tower) throws {
    let plain = try open(stored(tower, projection: false), TinyModel().configuration.json)
    let flat = stored(tower, projection: false).map { stored in
      var stored = stored
      stored.name = String(stored.name.drop { $0 != "." }.dropFirst())
      return stored
    }
    let family = try #require(plain.family as? CLIPConfiguration)
    let checkpoint = try open(flat, family.json)
    #expect(checkpoint.graph == plain.graph)
    for parameter in plain.graph.parameters {
      let name = String(parameter.name.drop { $0 != "." }.dropFirst())
      #expect(checkpoint.origins[parameter.name]?.name == name)
    }
  }

  @Test func `may be open_clip's text tower under a prefix`() throws {
    var model = TinyModel()
    let all = model.openCLIP().filter { !$0.name.hasPrefix("visual.") && $0.name != "logit_scale" }
    model.configuration.image = nil
    let prefix = "conditioner.embedders.1.model."
    let checkpoint = try open(
      all.map { stored in
        var stored = stored
        stored.name = prefix + stored.name
        return stored
      }, model.configuration.json)
    #expect(checkpoint.graph.image == nil)
    #expect(model.matches(checkpoint))
    #expect(
      checkpoint.origins["text_projection.weight"]?.name == prefix + "text_projection")
  }

  @Test func `must be whole`() throws {
    var tensors = stored(.text, projection: true)
    tensors.append(contentsOf: stored(.image, projection: false).prefix(2))
    let error = #expect(throws: CheckpointError.self) {
      try open(tensors, TinyModel().configuration.json)
    }
    #expect(error?.description.contains("is missing") == true)
  }
}

extension Graph {
  /// The columns of the pooled state.
  fileprivate var stageWidth: Int? {
    stages.first { $0.name == "pooled" }.map { values[$0.value].width }
  }
}
