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

  static func model(_ vision: String = "", _ text: String = "", _ rest: String = "") -> String {
    #"{"model_cfg":{"embed_dim":24,"vision_cfg":{\#(vision)},"text_cfg":{\#(text)}\#(rest)}}"#
  }

  static let damages = [
    Damage("{}", "model_cfg is missing"),
    Damage(#"{"model_cfg":{}}"#, "model_cfg.embed_dim is missing"),
    Damage(
      #"{"model_cfg":{"embed_dim":8}}"#, "model_cfg has neither vision_cfg nor text_cfg"),
    Damage(
      model("", "", #","text_config":{}"#),
      "model_cfg.text_config is an object of 0 members, no such key is supported"),
    Damage(
      model(#""timm_model_name":"swin_base_patch4_window7_224""#),
      #"model_cfg.vision_cfg.timm_model_name is "swin_base_patch4_window7_224", no tower of this "#
        + "kind is supported"),
    Damage(
      model("", #""hf_model_name":"xlm-roberta-base""#), "towers.text.encoder is missing"),
    Damage(
      model(#""layers":[3,4,6]"#),
      "model_cfg.vision_cfg.layers is [3, 4, 6], four whole numbers from 1 to 256 are allowed"),
    Damage(
      model(#""qk_norm":true"#),
      "model_cfg.vision_cfg.qk_norm is true, only false is supported"),
    Damage(
      model(#""block_type":"custom""#),
      #"model_cfg.vision_cfg.block_type is "custom", only "default" is supported"#),
    Damage(
      model(#""attentional_pool":"cascade""#),
      #"model_cfg.vision_cfg.attentional_pool is "cascade", only false or true is supported"#),
    Damage(
      model(#""attentional_pool":true,"attn_pooler_heads":5"#),
      "model_cfg.vision_cfg.attn_pooler_heads is 5, a divisor of model_cfg.embed_dim 24 is required"
    ),
    Damage(
      model(#""pool_type":"none""#),
      #"model_cfg.vision_cfg.pool_type is "none", only "tok" or "avg" is supported"#),
    Damage(
      model(#""norm_kwargs":{"elementwise_affine":false}"#),
      "model_cfg.vision_cfg.norm_kwargs.elementwise_affine is false, no such key is supported"),
    Damage(
      model(#""act_kwargs":{"approximate":"erf"}"#),
      #"model_cfg.vision_cfg.act_kwargs.approximate is "erf", "none" or "tanh" is allowed"#),
    Damage(
      model(#""global_average_pool":true"#),
      "model_cfg.vision_cfg.global_average_pool is true, no such key is supported"),
    Damage(
      model("", #""pool_type":"max""#),
      #"model_cfg.text_cfg.pool_type is "max", one of "argmax", "first", "last", "eos" is "#
        + "supported"),
    Damage(
      model("", #""proj_type":"mlp""#),
      #"model_cfg.text_cfg.proj_type is "mlp", only "linear" or "none" is supported"#),
    Damage(
      model(#""head_width":80"#),
      "model_cfg.vision_cfg.head_width is 80, a divisor of model_cfg.vision_cfg.width 768 is "
        + "required"),
    Damage(
      model(#""patch_size":300"#),
      "model_cfg.vision_cfg.patch_size is 300, at most model_cfg.vision_cfg.image_size 224 is "
        + "allowed"),
    Damage(
      model("", #""mlp_ratio":1000,"width":65536"#),
      "model_cfg.text_cfg.mlp_ratio times width is 65536000, 1 to 1048576 are allowed"),
    Damage(
      model(#""no_ln_pre":true"#),
      "model_cfg describes another model than CLIP, and the tensors are CLIP's in transformers' "
        + "names; put the model's config.json beside the weights"),
  ]

  @Test(arguments: damages)
  func `is refused where it is no CLIP`(_ damage: Damage) {
    let error = #expect(throws: FormatError.self) {
      try CLIPConfiguration(openCLIP: JSON(parsing: damage.text))
    }
    #expect(error?.description == damage.message)
  }
}
