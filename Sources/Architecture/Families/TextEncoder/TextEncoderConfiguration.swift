public import Bytes

/// A text tower by itself that was trained towards the space of a CLIP: an encoder of BERT's kind,
/// the mean of its tokens, and a matrix.
///
/// Sources: `multilingual_clip/pt_multilingual_clip.py` of M-CLIP; `models/Transformer.py`,
/// `Pooling.py` and `Dense.py` of sentence-transformers 5.
public struct TextEncoderConfiguration: Equatable, Sendable {
  var library: Library
  /// `model_type` of the encoder in transformers.
  var type: String
  var encoder: BERTEncoder
  var pooling: Pooling
  var projection: Projection?

  enum Library: Equatable, Sendable {
    /// With its `modelBase`.
    case mCLIP(String)
    case sentenceTransformers
  }

  enum Pooling: Sendable {
    case mean, first
  }

  /// From the pooled row to the shared space.
  struct Projection: Equatable, Sendable {
    var width: Int
    var hasBias: Bool
    /// `nil` for none.
    var activation: Activation?
  }
}

// MARK: M-CLIP

extension TextEncoderConfiguration {
  static let mCLIPType = "M-CLIP"

  /// Reads a `config.json` of M-CLIP, which names a base model; our own words describe it.
  ///
  /// - Parameter weights: of the checkpoint; `nil` where a pack is read.
  init(mCLIP root: Fields, _ weights: TowerWeights?) throws(FormatError) {
    let base = root["modelBase"]?.string ?? ""
    let guidance =
      "say it in transformers' words as a member \"transformer\" of config.json"
    if root["transformer"] != nil {
      let fields = try root.object("transformer")
      type = fields["model_type"]?.string ?? ""
      encoder = try BERTEncoder(kind: type, fields)
    } else {
      guard let weights else { throw FormatError(.invalidField, "transformer is missing") }
      guard let kind = BERTEncoder.kind(named: base) else {
        throw FormatError(
          .unsupported,
          "modelBase is \(root["modelBase"]?.excerpt ?? "missing"), the name of a BERT, RoBERTa or "
            + "XLM-R is supported (for others " + guidance + ")")
      }
      type = kind
      encoder = try BERTEncoder(kind, weights, "transformer.", guidance: guidance)
    }
    library = .mCLIP(base)
    pooling = .mean
    projection = Projection(
      width: try root.whole("numDims", Limits.projection, default: nil), hasBias: true)
  }
}

// MARK: sentence-transformers

extension TextEncoderConfiguration {
  static let sentenceTransformersType = "sentence-transformers"

  /// Reads the files of sentence-transformers, by their names; the transformer's own in the folder
  /// itself, the pooling's in `1_Pooling`, the matrix's in `2_Dense`.
  init(sentenceTransformers files: Fields) throws(FormatError) {
    library = .sentenceTransformers
    let config = try files.object("config.json")
    type = config["model_type"]?.string ?? ""
    encoder =
      type == "distilbert"
      ? try BERTEncoder(distilBERT: config) : try BERTEncoder(kind: type, config)
    let sentences = try files.object("sentence_bert_config.json")
    try sentences.refuse("do_lower_case", unless: [false])
    if sentences["max_seq_length"] != nil {
      encoder.limit = try sentences.whole("max_seq_length", Limits.positions, default: nil)
    }
    pooling = try Self.pooling(try files.object("1_Pooling/config.json"))
    guard files["2_Dense/config.json"] != nil else { return }
    let dense = try files.object("2_Dense/config.json")
    let width = try dense.whole("in_features", Limits.width, default: nil)
    guard width == encoder.width else {
      throw FormatError(
        .inconsistent,
        "\(dense.path)in_features is \(width), the encoder is \(encoder.width) wide")
    }
    projection = Projection(
      width: try dense.whole("out_features", Limits.projection, default: nil),
      hasBias: try dense.flag("bias", default: true),
      activation: try Self.activation(dense))
  }

  private static func pooling(_ fields: Fields) throws(FormatError) -> Pooling {
    var chosen: [String] = []
    for key in fields.object.keys where key.hasPrefix("pooling_mode_") {
      if try fields.flag(key, default: false) { chosen.append(key) }
    }
    switch chosen {
    case ["pooling_mode_mean_tokens"], []: return .mean
    case ["pooling_mode_cls_token"]: return .first
    default:
      throw FormatError(
        .unsupported,
        "\(fields.path)\(chosen.sorted().joined(separator: " and ")) is true, "
          + "pooling_mode_mean_tokens or pooling_mode_cls_token alone is supported")
    }
  }

  private static let identity = "torch.nn.modules.linear.Identity"
  private static let tanh = "torch.nn.modules.activation.Tanh"

  private static func activation(_ fields: Fields) throws(FormatError) -> Activation? {
    // Tanh is what a missing key means there.
    switch fields["activation_function"]?.string ?? tanh {
    case identity: return nil
    case tanh: return .tanh
    default:
      throw fields.unsupported("activation_function", "\"\(identity)\" or \"\(tanh)\"")
    }
  }
}

// MARK: Words

extension TextEncoderConfiguration {
  /// In the library's words, with every value explicit; of sentence-transformers all its files by
  /// their names.
  public var json: JSON {
    var words = type == "distilbert" ? encoder.distilBERT : encoder.json
    words["model_type"] = .string(type)
    switch library {
    case .mCLIP(let base):
      return [
        "architectures": ["MultilingualCLIP"], "model_type": .string(Self.mCLIPType),
        "modelBase": .string(base), "numDims": .integer(projection?.width ?? encoder.width),
        "transformerDimensions": .integer(encoder.width), "transformer": .object(words),
      ]
    case .sentenceTransformers:
      var files: JSON.Object = [
        "config.json": .object(words),
        "sentence_bert_config.json": [
          "max_seq_length": .integer(encoder.most), "do_lower_case": false,
        ],
        "1_Pooling/config.json": [
          "word_embedding_dimension": .integer(encoder.width),
          "pooling_mode_cls_token": .bool(pooling == .first),
          "pooling_mode_mean_tokens": .bool(pooling == .mean),
        ],
      ]
      var modules: [(String, String)] = [("", "Transformer"), ("1_Pooling", "Pooling")]
      if let projection {
        modules.append(("2_Dense", "Dense"))
        files["2_Dense/config.json"] = [
          "in_features": .integer(encoder.width), "out_features": .integer(projection.width),
          "bias": .bool(projection.hasBias),
          "activation_function": .string(
            projection.activation == .tanh ? Self.tanh : Self.identity),
        ]
      }
      files["modules.json"] = .array(
        modules.enumerated().map { index, module in
          [
            "idx": .integer(index), "name": .string("\(index)"), "path": .string(module.0),
            "type": .string("sentence_transformers.models.\(module.1)"),
          ]
        })
      return [
        "model_type": .string(Self.sentenceTransformersType), "files": .object(files),
      ]
    }
  }
}
