internal import Bytes

/// A model of SentencePiece, `spiece.model`: a protocol buffer (`ModelProto` of
/// sentencepiece_model.proto), of which the fields are read that decide ids.
struct SentencePieceModel {
  struct Piece {
    var text: String
    var score: Float = 0
    var kind = Kind.normal
  }

  /// `SentencePiece.Type`
  enum Kind: UInt64 {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  /// `TrainerSpec.ModelType`
  enum Algorithm: UInt64 {
    case unigram = 1
    case bytePairEncoding, word, character
  }

  var pieces: [Piece] = []
  var algorithm = Algorithm.unigram
  var hasByteFallback = false
  var marksSpaceAfter = false
  /// `precompiled_charsmap`; empty where texts are not normalised.
  var map: [UInt8] = []
  var addsDummyPrefix = true
  var removesExtraSpaces = true
  var escapesSpaces = true
}

extension SentencePieceModel {
  /// - Throws: `truncated` or `invalidField` where the bytes are no such model.
  init(parsing bytes: [UInt8]) throws(FormatError) {
    self.init()
    var message = ProtocolBuffer(bytes[...])
    while let field = try message.next() {
      switch field.number {
      case 1: pieces.append(try Piece(parsing: field, number: pieces.count))
      case 2: try readTrainer(field)
      case 3: try readNormalizer(field)
      default: break
      }
      try Vocabulary.checkCount(max(pieces.count, 1))
    }
    try Vocabulary.checkCount(pieces.count)
    let unknown = pieces.count { $0.kind == .unknown }
    guard unknown == 1 else {
      throw FormatError(
        .inconsistent, "the model has \(unknown) pieces for what is unknown, one is needed")
    }
  }

  /// `TrainerSpec`
  private mutating func readTrainer(_ field: ProtocolBuffer.Field) throws(FormatError) {
    var message = try field.message("trainer_spec")
    while let field = try message.next() {
      switch field.number {
      case 3:
        let value = try field.integer("model_type")
        guard let known = Algorithm(rawValue: value) else {
          throw FormatError(.unsupported, "model_type is \(value), 1 to 4 are known")
        }
        algorithm = known
      case 24: marksSpaceAfter = try field.integer("treat_whitespace_as_suffix") != 0
      case 35: hasByteFallback = try field.integer("byte_fallback") != 0
      default: break
      }
    }
  }

  /// `NormalizerSpec`
  private mutating func readNormalizer(_ field: ProtocolBuffer.Field) throws(FormatError) {
    var message = try field.message("normalizer_spec")
    while let field = try message.next() {
      switch field.number {
      case 2: map = Array(try field.bytes("precompiled_charsmap"))
      case 3: addsDummyPrefix = try field.integer("add_dummy_prefix") != 0
      case 4: removesExtraSpaces = try field.integer("remove_extra_whitespaces") != 0
      case 5: escapesSpaces = try field.integer("escape_whitespaces") != 0
      default: break
      }
    }
  }
}

extension SentencePieceModel.Piece {
  init(parsing field: ProtocolBuffer.Field, number: Int) throws(FormatError) {
    var message = try field.message("pieces")
    text = ""
    while let field = try message.next() {
      switch field.number {
      case 1:
        guard let text = String(validating: try field.bytes("piece"), as: UTF8.self) else {
          throw FormatError(.invalidField, "piece \(number) is not UTF-8", at: field.offset)
        }
        self.text = text
      case 2:
        score = try field.float("score")
        guard score.isFinite else {
          throw FormatError(
            .invalidField, "piece \(number) has the score \(score)", at: field.offset)
        }
      case 3:
        let value = try field.integer("type")
        guard let known = SentencePieceModel.Kind(rawValue: value) else {
          throw FormatError(
            .unsupported, "piece \(number) is of type \(value), 1 to 6 are known", at: field.offset)
        }
        kind = known
      default: break
      }
    }
  }
}
