import Architecture
import Bytes
import Testing

@Suite("A configuration of open_clip")
struct OpenCLIPTests {
  @Test(arguments: Golden.cases("open_clip.json"))
  func `says what open_clip builds from it`(_ golden: Golden) throws {
    let configuration = try CLIPConfiguration(openCLIP: ["model_cfg": golden.config])
    #expect(configuration.json == golden.normalised)
  }

  @Test func `brings torchvision's preprocessing`() throws {
    let json = try JSON(
      parsing: #"""
        {"preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
          "interpolation": "bicubic", "resize_mode": "shortest"}}
        """#)
    let preprocessing = try Preprocessing(openCLIP: json, imageSize: 28)
    #expect(
      preprocessing
        == Preprocessing(
          resize: .shortestEdge(28), crop: .init(height: 28, width: 28), cropOffset: .round,
          mean: [0.5, 0.5, 0.5], standardDeviation: [0.25, 0.25, 0.25], alpha: .drop))
  }

  @Test func `squashes where it says so`() throws {
    let json: JSON = ["preprocess_cfg": ["resize_mode": "squash", "interpolation": "bilinear"]]
    let preprocessing = try Preprocessing(openCLIP: json, imageSize: 28)
    #expect(preprocessing.resize == .exact(.init(height: 28, width: 28)))
    #expect(preprocessing.crop == nil)
    #expect(preprocessing.resample == .bilinear)
  }

  static let damages = [
    Damage("{}", "model_cfg is missing"),
    Damage(
      #"{"model_cfg":{"vision_cfg":{"layers":[3,4,6,3]}}}"#,
      "model_cfg.vision_cfg.layers is [3, 4, 6, 3]: a ResNet; only vision transformers are "
        + "supported"),
    Damage(
      #"{"model_cfg":{"vision_cfg":{"timm_model_name":"vit_base_patch16_siglip_224"}}}"#,
      #"model_cfg.vision_cfg.timm_model_name is "vit_base_patch16_siglip_224", no such key is "#
        + "supported"),
    Damage(
      #"{"model_cfg":{"text_cfg":{"hf_model_name":"roberta-base"}}}"#,
      #"model_cfg.text_cfg.hf_model_name is "roberta-base", no such key is supported"#),
    Damage(
      #"{"model_cfg":{"text_cfg":{"pool_type":"last"}}}"#,
      #"model_cfg.text_cfg.pool_type is "last", only "argmax" is supported"#),
    Damage(
      #"{"model_cfg":{"vision_cfg":{"head_width":80}}}"#,
      "model_cfg.vision_cfg.head_width is 80, a divisor of model_cfg.vision_cfg.width 768 is "
        + "required"),
    Damage(
      #"{"model_cfg":{"text_cfg":{"mlp_ratio":1000,"width":65536}}}"#,
      "model_cfg.text_cfg.mlp_ratio times width is 65536000, 1 to 1048576 are allowed"),
    Damage(#"{"model_cfg":{}}"#, "model_cfg.embed_dim is missing"),
  ]

  @Test(arguments: damages)
  func `is refused where it is no CLIP`(_ damage: Damage) {
    let error = #expect(throws: FormatError.self) {
      try CLIPConfiguration(openCLIP: JSON(parsing: damage.text))
    }
    #expect(error?.description == damage.message)
  }
}
