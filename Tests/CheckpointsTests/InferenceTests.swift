import Architecture
import Bytes
import Checkpoints
import SystemPackage
import Tensors
import TestSupport
import Testing

@Suite("Weights without a configuration")
struct InferenceTests {
  let folder = TemporaryFolder()

  @Test(arguments: ["transformers", "openCLIP"])
  func `say what they are by their shapes`(scheme: String) throws {
    let model = TinyModel(TinyModel.published)
    let path = folder.appending("model.safetensors")
    try TinyModel.write(scheme == "openCLIP" ? model.openCLIP() : model.transformers(), path)
    let checkpoint = try Checkpoint(path.string)
    #expect(checkpoint.family as? CLIPConfiguration == model.configuration)
    #expect(model.matches(checkpoint))
    #expect(
      checkpoint.assumptions.prefix(5) == [
        "no config.json is beside the weights; their shapes say what it would",
        "pictures of 8×8 pixels: 2 patches of 4 along an edge",
        "attention heads are 64 wide, as in OpenAI's models: 2 for width 128, 1 for width 64",
        "the activation is quick_gelu, as in OpenAI's models; weights do not show it, and models "
          + "trained by LAION use gelu",
        "the end of a text is its largest token id, as in OpenAI's models",
      ])
  }

  @Test(arguments: Tower.allCases)
  func `may be one tower`(tower: Tower) throws {
    var configuration = TinyModel.published
    if tower == .image { configuration.text = nil } else { configuration.image = nil }
    let model = TinyModel(configuration)
    try TinyModel.write(model.transformers(), folder.appending("model.safetensors"))
    let checkpoint = try Checkpoint(folder.path.string)
    #expect(checkpoint.family as? CLIPConfiguration == configuration)
    #expect(model.matches(checkpoint))
  }

  static let remedy = "; put the model's config.json (or open_clip_config.json) beside the weights"

  @Test(arguments: [(Tower.image, 100), (.image, 1280), (.text, 8)])
  func `are refused where shapes leave a choice`(tower: Tower, width: Int) throws {
    let shapes: [(String, Shape)] =
      tower == .image
      ? [
        ("vision_model.embeddings.patch_embedding.weight", [width, 3, 4, 4]),
        ("vision_model.embeddings.position_embedding.weight", [5, width]),
      ] : [("text_model.embeddings.token_embedding.weight", [11, width])]
    try TinyModel.write(
      shapes.map { name, shape in
        .init(
          name: name, type: .float16, shape: shape,
          bytes: [UInt8](repeating: 0, count: shape.count * 2))
      }, folder.appending("model.safetensors"))
    let message =
      "the \(tower.rawValue) tower is \(width) wide, which leaves its number of heads open"
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(folder.path.string) }
    #expect(error?.description.hasSuffix(message + Self.remedy) == true, "\(error as Any)")
  }

  /// Shapes without bytes can say anything.
  @Test(arguments: [
    ("vision_model.embeddings.position_embedding.weight", [4_611_686_018_427_387_905, 0]),
    ("vision_model.embeddings.position_embedding.weight", [7, 0]),
    ("vision_model.embeddings.patch_embedding.weight", [0, 1 << 40, 1 << 20, 1 << 20]),
    ("vision_model.embeddings.patch_embedding.weight", [64, 0, 1 << 40, 1 << 40]),
    ("vision_model.embeddings.patch_embedding.weight", [64, 0, 4]),
    ("text_model.embeddings.token_embedding.weight", [1 << 62, 0]),
    ("text_model.embeddings.token_embedding.weight", [0, 64]),
    ("text_model.embeddings.position_embedding.weight", [0, 1 << 62]),
    ("visual_projection.weight", [1 << 62, 0]), ("visual_projection.weight", [0]),
    ("vision_model.encoder.layers.0.mlp.fc1.weight", [1 << 62, 0]),
  ])
  func `never trap, whatever their shapes`(name: String, extents: [Int]) throws {
    var stored = TinyModel(TinyModel.published).transformers()
    for index in stored.indices where stored[index].name == name {
      stored[index].shape = try #require(Shape(extents))
      stored[index].bytes = []
    }
    try TinyModel.write(stored, folder.appending("model.safetensors"))
    #expect(throws: CheckpointError.self) { try Checkpoint(folder.path.string) }
  }
}
