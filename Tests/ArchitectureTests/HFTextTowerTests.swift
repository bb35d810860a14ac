import Bytes
import Tensors
import Testing

@testable import Architecture

@Suite("open_clip's text towers of transformers")
struct HFTextTowerTests {
  /// `text_cfg`, the tensors of the tower, and what it is refused with.
  struct Damage: Sendable, CustomTestStringConvertible {
    var text: String
    var shapes: [String: Shape]
    var message: String
    var testDescription: String { message }

    init(_ text: String, beside shapes: [String: Shape] = [:], _ message: String) {
      self.text = text
      self.shapes = shapes
      self.message = message
    }
  }

  private static let table = "text.transformer.embeddings.word_embeddings.weight"
  private static let guidance = "say it in transformers' words as text_cfg.hf_model_config"

  static let damages = [
    Damage(
      #"{"hf_model_name":"google/mt5-base"}"#,
      #"model_cfg.text_cfg.hf_model_name is "google/mt5-base", the name of a BERT, RoBERTa, "#
        + "XLM-R or NLLB (for others \(guidance)) is supported"),
    Damage(
      #"{"hf_model_name":"xlm-roberta-base"}"#, beside: [table: [60, 36]],
      "tensor \"\(table)\": the text tower is 36 wide, which leaves its number of heads open; "
        + guidance),
    Damage(
      #"{"hf_model_name":"roberta-base"}"#,
      "tensor \"\(table)\": is missing, 2 extents are needed"),
    Damage(
      #"{"hf_model_name":"facebook/nllb-200-distilled-600M"}"#,
      beside: ["text.transformer.embed_tokens.weight": [60, 36]],
      #"tensor "text.transformer.embed_tokens.weight": leaves the number of heads of its tower "#
        + "open; " + guidance),
    Damage(
      #"{"hf_model_name":"x","hf_model_config":{"model_type":"t5"}}"#,
      #"model_cfg.text_cfg.hf_model_config.model_type is "t5", "bert", "roberta", "#
        + #""xlm-roberta" and "camembert" are supported"#),
    Damage(
      #"{"hf_model_name":"x","hf_model_config":{"model_type":"bert"},"#
        + #""hf_pooler_type":"max_pooler"}"#,
      #"model_cfg.text_cfg.hf_pooler_type is "max_pooler", "mean_pooler" or "cls_pooler" or "#
        + #""cls_last_hidden_state_pooler" is allowed"#),
    Damage(
      #"{"hf_model_name":"x","hf_model_config":{"model_type":"bert"},"hf_proj_type":null}"#,
      "model_cfg.text_cfg.hf_proj_type is null, and the text tower is not embed_dim wide: "
        + "\"linear\" or \"mlp\" is needed"),
    Damage(
      #"{"hf_model_name":"x","hf_model_config":{"model_type":"m2m_100","scale_embedding":false}}"#,
      "model_cfg.text_cfg.hf_model_config.scale_embedding is false, only true is supported"),
    Damage(
      #"{"hf_model_name":"bert-base","hf_new_switch":1}"#,
      "model_cfg.text_cfg.hf_new_switch is 1, no such key is supported"),
  ]

  @Test(arguments: damages)
  func `is refused with what was found and what is allowed`(_ damage: Damage) throws {
    let config = #"{"model_cfg":{"embed_dim":20,"vision_cfg":{},"text_cfg":"# + damage.text + "}}"
    let files = ModelFiles(
      shapes: damage.shapes.merging(
        ["text.proj.0.weight": [10, 10], "visual.conv1.weight": [8, 3, 8, 8]]) { mine, _ in mine },
      transformers: nil, openCLIP: try JSON(parsing: config))
    let error = #expect(throws: FormatError.self) { try OpenCLIPConfiguration.recognise(files) }
    #expect(error?.description == damage.message)
  }
}
