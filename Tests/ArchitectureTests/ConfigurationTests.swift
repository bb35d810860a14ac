import Architecture
import Bytes
import Testing

@Suite("A configuration of transformers")
struct ConfigurationTests {
  @Test(arguments: Golden.cases("transformers.json"))
  func `says what transformers reads from it`(_ golden: Golden) throws {
    #expect(try CLIPConfiguration(transformers: golden.config).json == golden.normalised)
  }

  @Test(arguments: Golden.cases("transformers.json"))
  func `is the same after writing and reading`(_ golden: Golden) throws {
    let configuration = try CLIPConfiguration(transformers: golden.config)
    let text = configuration.json.indented
    #expect(try CLIPConfiguration(transformers: JSON(parsing: text)) == configuration)
  }

  @Test func `pools at the largest id where eos_token_id has its legacy value`() throws {
    func pooling(_ id: String) throws -> CLIPConfiguration.Pooling? {
      let text = #"{"model_type":"clip_text_model","eos_token_id":\#(id)}"#
      return try CLIPConfiguration(transformers: JSON(parsing: text)).text?.pooling
    }
    #expect(try pooling("2") == .largestID)
    #expect(try pooling("49407") == .first(49407))
    #expect(try pooling("0") == .first(0))
    #expect(try pooling("null") == .first(49407))
  }

  @Test(arguments: [
    (#"{"vocab_size":99}"#, true, false), (#"{"image_size":224}"#, false, true),
    (#"{"text_config_dict":{}}"#, true, true),
  ])
  func `shows its kind where model_type is missing`(
    text: String, hasText: Bool, hasImage: Bool
  ) throws {
    let configuration = try CLIPConfiguration(transformers: JSON(parsing: text))
    #expect((configuration.text != nil) == hasText)
    #expect((configuration.image != nil) == hasImage)
  }

  static let clipTypes =
    #""clip", "clip_text_model", "clip_vision_model", "metaclip_2", "metaclip_2_text_model", "#
    + #""metaclip_2_vision_model" are supported"#

  static let damages = [
    Damage("[]", "the text is [], an object is required"),
    Damage("{}", "model_type is missing, and so are text_config and vision_config"),
    Damage(
      #"{"model_type":"siglip"}"#,
      #"model_type is "siglip", "#
        + clipTypes),
    Damage(
      #"{"model_type":"chinese_clip","text_config":{}}"#,
      #"model_type is "chinese_clip", "#
        + clipTypes
    ),
    Damage(
      #"{"text_config":7}"#, "text_config is 7, an object is required"),
    Damage(
      #"{"vision_config":{"num_hidden_layers":1000000000}}"#,
      "vision_config.num_hidden_layers is 1000000000, a whole number from 1 to 1024 is allowed"),
    Damage(
      #"{"text_config":{"hidden_size":0}}"#,
      "text_config.hidden_size is 0, a whole number from 1 to 65536 is allowed"),
    Damage(
      #"{"text_config_dict":{"hidden_size":"512"}}"#,
      #"text_config_dict.hidden_size is "512", a whole number from 1 to 65536 is allowed"#),
    Damage(
      #"{"model_type":"clip","projection_dim":1e400}"#,
      "number 1e400 does not fit a double (byte 0x26)"),
    Damage(
      #"{"model_type":"clip","projection_dim":9223372036854775807}"#,
      "projection_dim is 9223372036854775807, a whole number from 1 to 65536 is allowed"),
    Damage(
      #"{"text_config":{"num_attention_heads":7}}"#,
      "text_config.num_attention_heads is 7, a divisor of text_config.hidden_size 512 is required"),
    Damage(
      #"{"vision_config":{"patch_size":225}}"#,
      "vision_config.patch_size is 225, at most vision_config.image_size 224 is allowed"),
    Damage(
      #"{"vision_config":{"patch_size":[14,16]}}"#,
      "vision_config.patch_size is [14, 16], one number or two equal ones are allowed"),
    Damage(
      #"{"vision_config":{"num_channels":1}}"#,
      "vision_config.num_channels is 1, only 3 is allowed"),
    Damage(
      #"{"model_type":"clip_vision_model","hidden_act":"gelu_new"}"#,
      #"hidden_act is "gelu_new", "quick_gelu" or "gelu" is allowed"#),
    Damage(
      #"{"model_type":"clip_text_model","layer_norm_eps":-1e-5}"#,
      "layer_norm_eps is -1e-05, a number from 1e-12 to 1.0 is allowed"),
    Damage(
      #"{"model_type":"clip_text_model","eos_token_id":[2,49407]}"#,
      "eos_token_id is [2, 49407], a whole number from 0 to 2147483647 is allowed"),
  ]

  @Test(arguments: damages)
  func `is refused with the key, what was found and what is allowed`(_ damage: Damage) {
    let error = #expect(throws: FormatError.self) {
      try CLIPConfiguration(transformers: JSON(parsing: damage.text))
    }
    #expect(error?.description == damage.message)
  }

  /// Whatever stands at a key, the reader answers with a value or an error.
  @Test func `never traps, whatever stands at any key`() throws {
    let wild: [JSON] = [
      .null, true, 0, -1, 1.5, .integer(.max), .integer(.min), "x", [], [1, 2, 3], [:],
      .number(1e308),
    ]
    for golden in Golden.cases("transformers.json") {
      for path in paths(golden.normalised) {
        for value in wild {
          let changed = replacing(golden.normalised, path[...], value)
          if let configuration = try? CLIPConfiguration(transformers: changed) {
            #expect(!(try configuration.graph().parameters.isEmpty))
          }
        }
      }
    }
  }

  private func paths(_ json: JSON) -> [[String]] {
    guard let object = json.object else { return [[]] }
    return object.keys.flatMap { key in paths(object[key] ?? .null).map { [key] + $0 } }
  }

  private func replacing(_ json: JSON, _ path: ArraySlice<String>, _ value: JSON) -> JSON {
    guard let key = path.first, var object = json.object else { return value }
    object[key] = replacing(object[key] ?? .null, path.dropFirst(), value)
    return .object(object)
  }
}
