import Bytes
import Tensors
import Testing

@testable import Architecture

@Suite("A trunk of timm")
struct TimmTests {
  /// A vision transformer of one block, 64 wide.
  static func recognise(
    _ vision: JSON, towers: JSON = [:], without missing: Set<String> = [],
    _ more: [String: Shape] = [:]
  ) throws -> RecognisedModel? {
    var shapes: [String: Shape] = [
      "logit_scale": [], "visual.trunk.pos_embed": [1, 5, 64],
      "visual.trunk.cls_token": [1, 1, 64],
      "visual.trunk.patch_embed.proj.weight": [64, 3, 8, 8],
      "visual.trunk.patch_embed.proj.bias": [64], "visual.trunk.blocks.0.norm1.weight": [64],
      "visual.trunk.blocks.0.attn.qkv.weight": [192, 64],
      "visual.trunk.blocks.0.mlp.fc1.weight": [256, 64],
    ]
    for name in missing { shapes["visual.trunk." + name] = nil }
    shapes.merge(more) { $1 }
    return try Families.recognise(
      ModelFiles(
        shapes: shapes, transformers: nil,
        openCLIP: [
          "model_cfg": ["embed_dim": 64, "vision_cfg": vision], "towers": towers,
        ]))
  }

  static func vision(_ members: (String, JSON)...) -> JSON {
    var object: JSON.Object = [
      "timm_model_name": "vit_base_patch16_224", "image_size": 16, "timm_pool": "token",
    ]
    for (key, value) in members { object[key] = value }
    return .object(object)
  }

  @Test func `shows its sizes by its tensors, and its heads by its name`() throws {
    let model = try #require(try Self.recognise(Self.vision()))
    #expect(
      model.family.json["towers"]?["image"] == [
        "embed_dim": 64, "depth": 1, "num_heads": 1, "mlp_hidden": 256, "patch_size": [8],
        "norm_eps": 1e-06, "act_layer": "gelu", "attention": "stacked", "patch_bias": true,
        "class_token": true, "embed_class": true,
      ])
    #expect(model.locations["visual.trunk.blocks.0.attn.k_proj.bias"]?.part == .init(1, of: 3))
    // What was found is all that a pack needs.
    let again = try #require(try Families.read(model.family.json))
    #expect(again.network == model.family.network)
    #expect(again.json == model.family.json)
  }

  @Test(arguments: [
    ("vit_base_patch16_siglip_256", "gelu"), ("vit_base_patch32_siglip_256", "gelu_tanh"),
    ("vit_large_patch16_siglip_384", "gelu"), ("vit_large_patch16_siglip_512", "gelu_tanh"),
    ("vit_large_patch14_clip_quickgelu_224", "quick_gelu"),
  ])
  func `has the activation of its name`(name: String, activation: String) throws {
    let model = try Self.recognise(Self.vision(("timm_model_name", .string(name))))
    #expect(model?.family.json["towers"]?["image"]?["act_layer"]?.string == activation)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    var vision: JSON
    var towers: JSON = [:]
    var missing: Set<String> = []
    var message: String
    var testDescription: String { message }
  }

  static let refusals = [
    Refusal(
      vision: vision(("timm_model_name", "swin_base_patch4_window7_224")),
      message: #"model_cfg.vision_cfg.timm_model_name is "swin_base_patch4_window7_224", no tower "#
        + "of this kind is supported"),
    Refusal(
      vision: vision(("timm_pool", "avg")),
      message: #"model_cfg.vision_cfg.timm_pool is "avg", only "token" or "map" is supported with "#
        + #""vit_base_patch16_224""#),
    Refusal(
      vision: vision(("timm_proj", "rot")),
      message: #"model_cfg.vision_cfg.timm_proj is "rot", one of "", "linear", "mlp", "none" is "#
        + "supported"),
    Refusal(
      vision: vision(("timm_drop_block", 0.5)),
      message: "model_cfg.vision_cfg.timm_drop_block is 0.5, no such key is supported"),
    Refusal(
      vision: vision(), towers: ["image": ["num_heads": 5]],
      message: "num_heads is 5, a divisor of embed_dim 64 is required"),
    Refusal(
      vision: vision(), missing: ["blocks.0.norm1.weight"],
      message: #"model_cfg.vision_cfg.timm_model_name is "vit_base_patch16_224", and the tensors "#
        + "do not show its depth"),
    Refusal(
      vision: vision(), missing: ["cls_token"],
      message: #""vit_base_patch16_224" has neither a class token nor a pooling query, one is "#
        + "supported"),
    Refusal(
      vision: vision(("image_size", 7)),
      message: "patches of [8] pixels, 1 to 4 edges of 1 to 64 whose product is at most the "
        + "pictures' 7 are allowed"),
    Refusal(
      vision: vision(), towers: ["image": ["patch_size": [4, 2]]],
      message: "towers.image.stem has 0 widths, patch_size 2 edges; one less is needed"),
    Refusal(
      vision: vision(("timm_model_name", "convnext_base"), ("timm_pool", "avg")),
      message: #"model_cfg.vision_cfg.timm_model_name is "convnext_base", and the tensors do not "#
        + "show its dims"),
    Refusal(
      vision: vision(("timm_model_name", "fastvit_mci2"), ("timm_pool", "avg")),
      message: #""fastvit_mci2" has 0 stages, 1 to 8 and as many numbers of each kind are needed"#),
    Refusal(
      vision: vision(("timm_model_name", "vitamin_base_224"), ("timm_pool", "avg")),
      message: #"model_cfg.vision_cfg.timm_model_name is "vitamin_base_224", and the tensors do "#
        + "not show its stage_hidden"),
    Refusal(
      vision: vision(("timm_model_name", "vitamin_base_224"), ("timm_pool", "avg")),
      towers: ["image": ["stage_hidden": [8], "stage_dims": [4, 4], "stage_depths": [1]]],
      message: #""vitamin_base_224" has 2 stages of 1 depths, 2 are needed"#),
  ]

  @Test(arguments: refusals)
  func `is refused with what was found and what is allowed`(_ refusal: Refusal) {
    let error = #expect(throws: FormatError.self) {
      try Self.recognise(refusal.vision, towers: refusal.towers, without: refusal.missing)
    }
    #expect(error?.reason == refusal.message)
  }

  @Test func `is not read from a pack that leaves its sizes out`() {
    let error = #expect(throws: FormatError.self) {
      try Families.read(["model_cfg": ["embed_dim": 64, "vision_cfg": Self.vision()]])
    }
    #expect(error?.reason == "towers.image.embed_dim is missing")
  }

  @Test func `turns by the angles of its places`() {
    let table = RotaryTable(
      edge: 3, headWidth: 8, reference: 6, offset: 1, isColumnFirst: true)
    let (cosines, sines) = table.values
    #expect(cosines.count == 9 * 4)
    // Line 1, column 2: (2 + 1) / 3 · 6 and (1 + 1) / 3 · 6, at frequencies 1 and 1/100.
    let row = 5 * 4
    for (index, expected) in [-0.279_415_5, 0.059_964_0, -0.756_802_5, 0.039_989_3].enumerated() {
      #expect(abs(Double(sines[row + index]) - expected) < 1e-6)
    }
    for (index, expected) in [0.960_170_3, 0.998_200_5, -0.653_643_6, 0.999_200_1].enumerated() {
      #expect(abs(Double(cosines[row + index]) - expected) < 1e-6)
    }
  }

  @Test func `has functions that are right far from zero`() {
    let (sine, cosine) = Sinusoid.sineAndCosine(1026)
    #expect(abs(sine - 0.963_771_269_006_769_3) < 1e-10)
    #expect(abs(cosine - -0.266_730_090_235_581_4) < 1e-10)
    #expect(abs(Sinusoid.exponential(-9.2) / 1.010_394_018_370_934_2e-4 - 1) < 1e-13)
  }
}
