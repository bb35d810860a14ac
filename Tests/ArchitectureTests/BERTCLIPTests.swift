import Bytes
import Tensors
import Testing

@testable import Architecture

@Suite("CLIP with a text tower of BERT's kind")
struct BERTCLIPTests {
  /// What a configuration is refused with, beside the tensors of both towers.
  struct Damage: Sendable, CustomTestStringConvertible {
    var config: String?
    var message: String
    var testDescription: String { message }

    init(_ config: String?, _ message: String) {
      self.config = config
      self.message = message
    }
  }

  static let damages = [
    Damage(
      nil,
      #"tensor "text_model.embeddings.word_embeddings.weight": belongs to a text tower of BERT's "#
        + "kind, whose heads and padding no shape shows; put the model's config.json beside the "
        + "weights"),
    Damage(
      #"{"model_type":"jina_clip"}"#,
      #"model_type is "jina_clip", the text tower is of BERT's kind: "chinese_clip", "altclip", "#
        + #""vision-text-dual-encoder" are supported"#),
    Damage(
      #"{"model_type":"vision-text-dual-encoder","vision_config":{"model_type":"vit"}}"#,
      #"vision_config.model_type is "vit", only "clip_vision_model" or "clip" is supported"#),
    Damage(
      #"{"model_type":"vision-text-dual-encoder","text_config":{"model_type":"t5"}}"#,
      #"text_config.model_type is "t5", "bert", "roberta", "xlm-roberta" and "camembert" are "#
        + "supported"),
    Damage(
      #"{"model_type":"chinese_clip","text_config":{"position_embedding_type":"relative_key"}}"#,
      #"text_config.position_embedding_type is "relative_key", only "absolute" is supported"#),
    Damage(
      #"{"model_type":"chinese_clip","text_config":{"is_decoder":true}}"#,
      "text_config.is_decoder is true, only false is supported"),
    Damage(
      #"{"model_type":"chinese_clip","text_config":{"hidden_size":10}}"#,
      "text_config.num_attention_heads is 12, a divisor of text_config.hidden_size 10 is required"),
    Damage(
      #"{"model_type":"chinese_clip","text_config":{"hidden_act":"mish"}}"#,
      #"text_config.hidden_act is "mish", one of "gelu", "gelu_pytorch_tanh", "gelu_new", "#
        + #""quick_gelu", "relu", "silu" is allowed"#),
    Damage(
      #"{"model_type":"altclip","text_config":{"max_position_embeddings":2}}"#,
      "text_config.max_position_embeddings is 2, more than pad_token_id + 1 (2) is needed, after "
        + "which positions are counted"),
  ]

  @Test(arguments: damages)
  func `is refused with what was found and what is allowed`(_ damage: Damage) throws {
    let files = ModelFiles(
      shapes: [
        "text_model.embeddings.word_embeddings.weight": [60, 24],
        "vision_model.embeddings.class_embedding": [24],
      ], transformers: try damage.config.map { try JSON(parsing: $0) }, openCLIP: nil)
    let error = #expect(throws: FormatError.self) { try BERTCLIPConfiguration.recognise(files) }
    #expect(error?.description == damage.message)
  }

  @Test(arguments: BERTCLIPConfiguration.Kind.allCases)
  func `comes back from its own words, whole and a tower at a time`(
    _ kind: BERTCLIPConfiguration.Kind
  ) throws {
    var text: JSON.Object = [
      "hidden_size": 24, "num_attention_heads": 3, "pad_token_id": 4, "hidden_act": "relu",
    ]
    if kind == .pair { text["model_type"] = "xlm-roberta" }
    let json: JSON = [
      "model_type": .string(kind.rawValue), "projection_dim": 20, "text_config": .object(text),
      "vision_config": kind == .pair ? ["model_type": "clip"] : ["hidden_act": "gelu"],
    ]
    let family = try #require(try BERTCLIPConfiguration.read(json))
    #expect(try BERTCLIPConfiguration.read(family.json) == family)
    for tower in Tower.allCases {
      let one = try #require(family.keeping([tower]))
      let again = try #require(try Families.read(one.json))
      #expect(again.network == one.network)
      #expect(again.network[tower] == family.network[tower])
    }
  }
}
