import Bytes
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

/// Which files of a folder say which tokenizer.
@Suite struct TokenizerFolderTests {
  private let folder = TemporaryFolder()

  private func copy(_ kind: TokenizerKind, _ names: String...) throws {
    for name in names { try folder.write(bytes(of: kind.folder.appending(name)), name) }
  }

  private func write(_ json: JSON, _ name: String) throws {
    try folder.write(Array(json.description.utf8), name)
  }

  @Test func `SigLIP's Python class takes its own model, and says that it left another out`() throws
  {
    try copy(.siglip, "spiece.model", "tokenizer_config.json")
    try copy(.t5, "tokenizer.json")
    let tokenizer = try Tokenizer(folder: folder.path)
    #expect(tokenizer.padsToLimit && tokenizer.padding == 1)
    let own = try TokenizerKind.siglip.tokenizer()
    #expect(tokenizer.json == own.json && tokenizer.tables == own.tables)
    #expect(tokenizer.notes.count == 1 && tokenizer.notes[0].contains("tokenizer.json"))
  }

  @Test func `tokenizer.json counts where vocab.json has other ids, and that is said`() throws {
    try copy(.roberta, "tokenizer.json")
    let alone = try Tokenizer(folder: folder.path)
    let (first, second) = (alone.token(10), alone.token(11))
    for (ids, count) in [([10, 11], 0), ([11, 10], 1)] {
      try write(
        .object(JSON.Object([(first, .integer(ids[0])), (second, .integer(ids[1]))])), "vocab.json")
      let tokenizer = try Tokenizer(folder: folder.path)
      #expect(tokenizer.tables == alone.tables)
      #expect(
        tokenizer.notes.count {
          $0.hasPrefix("tokenizer.json and vocab.json have other ids for the same tokens; ")
        } == count)
    }
  }

  @Test func `without a class SigLIP's configuration names it`() throws {
    try copy(.siglip, "spiece.model")
    #expect(throws: FormatError.self) { try Tokenizer(folder: folder.path) }
    try write(["model_type": "siglip"], "config.json")
    #expect(try Tokenizer(folder: folder.path).padsToLimit)
  }

  @Test func `SigLIP's texts fill all positions and keep the end when they are cut off`() throws {
    let tokenizer = try TokenizerKind.siglip.tokenizer()
    let short = tokenizer.encode("a photo", limit: 12)
    let ids = tokenizer.encode("a photo")
    #expect(short.ids == ids + [Int32](repeating: 1, count: 12 - ids.count) && !short.isTruncated)
    let long = tokenizer.encode(String(repeating: "a photo ", count: 20), limit: 12)
    #expect(long.ids.count == 12 && long.ids.last == 1 && long.isTruncated)
    // The reference: SiglipTokenizer(text, padding="max_length", truncation=True, max_length=12).
    #expect(tokenizer.encode("", limit: 3).ids == [1, 1, 1])
  }

  @Test func `BERT's tokenizer_config.json counts where tokenizer.json says otherwise`() throws {
    try copy(.bertCased, "tokenizer.json")
    let cased = try Tokenizer(folder: folder.path)
    try write(
      ["tokenizer_class": "BertTokenizerFast", "do_lower_case": true], "tokenizer_config.json")
    let lower = try Tokenizer(folder: folder.path)
    #expect(lower.notes.count == 1 && cased.notes.isEmpty)
    #expect(lower.encode("A PHOTO") == cased.encode("a photo"))
    #expect(lower.encode("A PHOTO") != cased.encode("A PHOTO"))
  }

  @Test func `open_clip's canonicalisation comes first, and its texts fill all positions`() throws {
    try copy(.t5, "tokenizer.json", "tokenizer_config.json")
    let plain = try Tokenizer(folder: folder.path)
    try write(
      [
        "model_cfg": [
          "text_cfg": [
            "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
            "tokenizer_kwargs": ["clean": "canonicalize"],
          ]
        ]
      ], "open_clip_config.json")
    let clean = try Tokenizer(folder: folder.path)
    #expect(clean.encode(" A_photo, OF  cats! ") == plain.encode("a photo of cats"))
    #expect(clean.notes.count == 1)
    #expect(clean.padsToLimit && !plain.padsToLimit)
    #expect(clean.encode("a", limit: 8).ids.count == 8)
  }

  @Test func `transformers' SigLIP 2 class makes texts lower case`() throws {
    try copy(.roberta, "tokenizer.json")
    let plain = try Tokenizer(folder: folder.path)
    try write(
      ["tokenizer_class": "Siglip2Tokenizer", "pad_token": "<pad>"], "tokenizer_config.json")
    let lower = try Tokenizer(folder: folder.path)
    #expect(lower.encode("A Photo") == plain.encode("a photo"))
    #expect(lower.padsToLimit && lower.padding == 1)
  }

  @Test func `NLLB's model needs the codes of languages, and puts one first`() throws {
    try copy(.gemmaModel, "tokenizer.model")
    var model = try SentencePieceModel(parsing: bytes(of: folder.path.appending("tokenizer.model")))
    model.pieces.removeSubrange(0..<4)
    model.pieces =
      [
        .init(text: "<unk>", kind: .unknown), .init(text: "<s>", kind: .control),
        .init(text: "</s>", kind: .control),
      ] + model.pieces
    var context = FolderContext()
    context.config = ["tokenizer_class": "NllbTokenizer", "src_lang": "fra_Latn"]
    #expect(throws: FormatError.self) { try Tokenizer(model, context) }
    let id = model.pieces.count + 1
    context.settings.added = [(AddedToken("fra_Latn"), id)]
    let tokenizer = try Tokenizer(model, context)
    let ids = tokenizer.encode("a photo")
    #expect(ids.first == Int32(id) && ids.last == 2 && tokenizer.padding == 1)
    // One more than in the model: fairseq has four tokens in place of SentencePiece's three.
    let piece = try #require(model.pieces.firstIndex { $0.text == "\u{2581}photo" })
    #expect(tokenizer.id(of: "\u{2581}photo") == Int32(piece + 1))
  }

  @Test func `a class that is not known is named`() throws {
    try copy(.siglip, "spiece.model")
    try write(["tokenizer_class": "AlbertTokenizer"], "tokenizer_config.json")
    let error = #expect(throws: FormatError.self) { try Tokenizer(folder: folder.path) }
    #expect(error?.code == .unsupported)
    #expect(error?.reason.contains("\"AlbertTokenizer\"") == true)
    #expect(error?.reason.hasPrefix("spiece.model: ") == true)
  }

  @Test func `a tokenizer.json of a fixed length fills all positions`() throws {
    var text = try TokenizerKind.t5.tokenizer().tokenizerJSON()
    let member = #""padding":{"strategy":{"Fixed":64},"pad_id":1,"pad_token":"</s>"}"#
    text =
      String(text.split(separator: "\"padding\":null", maxSplits: 1)[0]) + member
      + String(text.split(separator: "\"padding\":null", maxSplits: 1)[1])
    let tokenizer = try Tokenizer(tokenizerJSON: Array(text.utf8).span)
    #expect(tokenizer.padsToLimit && tokenizer.padding == 1)
  }
}
