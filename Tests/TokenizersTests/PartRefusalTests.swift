import Bytes
import TestSupport
import Testing

@testable import Tokenizers

/// What is wrong with a part of a tokenizer, and what is said about it.
@Suite struct PartRefusalTests {
  private static let parts = [
    "normalizer": "null", "pre_tokenizer": "null", "post_processor": "null", "added_tokens": "[]",
    "model": #"{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1]]}"#,
  ]

  private static func error(_ member: String, _ value: String) -> String {
    var parts = parts
    parts[member] = value
    let text =
      "{" + parts.sorted { $0.key < $1.key }.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    do throws(FormatError) {
      _ = try Tokenizer(tokenizerJSON: Array(text.utf8).span)
      return "accepted"
    } catch {
      return error.reason
    }
  }

  @Test(arguments: [
    ("normalizer", "null", "accepted"),
    ("normalizer", #"{"type":"Nmt"}"#, #"normalizer is of type "Nmt", which is not known"#),
    (
      "normalizer", #"{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"NFKD"}]}"#,
      #"normalizer.normalizers[1] is of type "NFKD", which is not known"#
    ),
    (
      "normalizer", #"{"type":"Lowercase","final_sigma":1}"#,
      "normalizer.final_sigma is missing or is not true or false"
    ),
    (
      "normalizer", #"{"type":"Precompiled","precompiled_charsmap":"AAA"}"#,
      "normalizer.precompiled_charsmap: 3 characters are no whole base64"
    ),
    (
      "normalizer", #"{"type":"Precompiled","precompiled_charsmap":"CAAAAA=="}"#,
      "the trie of precompiled_charsmap takes 8 bytes, 0 follow and a multiple of 4 is needed"
    ),
    (
      "normalizer",
      #"{"type":"Replace","pattern":{"String":"a"},"content":""# + String(repeating: "a", count: 65)
        + #""}"#,
      "normalizer may make texts more than 64 times longer, which is the most allowed"
    ),
    (
      "pre_tokenizer", #"{"type":"Digits"}"#,
      #"pre_tokenizer is of type "Digits", which is not known"#
    ),
    (
      "pre_tokenizer", #"{"type":"Metaspace","replacement":"_"}"#,
      "pre_tokenizer.replacement is \"_\", which is not known; \"\u{2581}\" is"
    ),
    (
      "pre_tokenizer",
      #"{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"BertPreTokenizer"}]}"#,
      "pre_tokenizer has ByteLevel before another part, it is known as the last one"
    ),
    (
      "model", #"{"type":"WordLevel","vocab":{}}"#,
      #"model is of type "WordLevel", which is not known"#
    ),
    (
      "model", #"{"type":"Unigram","unk_id":2,"vocab":[["a",0]]}"#,
      "model.unk_id is 2, an id from 0 to 0 is needed"
    ),
    (
      "model", #"{"type":"Unigram","unk_id":null,"vocab":[["a",0]]}"#,
      "model.unk_id is missing or is not an id"
    ),
    (
      "model", #"{"type":"Unigram","unk_id":0,"vocab":[["a",1e999]]}"#,
      "number 1e999 does not fit a double"
    ),
    (
      "model", #"{"type":"Unigram","unk_id":0,"vocab":[["a",0],["a",0]]}"#,
      #"token "a" has the ids 0 and 1"#
    ),
    (
      "model", #"{"type":"BPE","dropout":0.1,"vocab":{"a":0},"merges":[]}"#,
      "model.dropout is 0.1, which is not known; null or 0 or 0.0 is"
    ),
    (
      "model", #"{"type":"BPE","vocab":{"a":0,"b":1},"merges":[["a","b"]]}"#,
      #"merge 0: result "ab" is not in the vocabulary of 2 tokens"#
    ),
    (
      "model", #"{"type":"BPE","unk_token":"?","vocab":{"a":0},"merges":[]}"#,
      #"model.unk_token is "?", which is not in the vocabulary"#
    ),
    (
      "model", #"{"type":"BPE","vocab":{"a":0},"merges":[],"seed":1}"#,
      #"the member "model.seed" is not known"#
    ),
    (
      "model",
      #"{"type":"WordPiece","unk_token":"a","vocab":{"a":0},"max_input_chars_per_word":-1}"#,
      "model.max_input_chars_per_word is missing or is not a number from 0 to 1000"
    ),
    (
      "post_processor", #"{"type":"TemplateProcessing","single":[],"special_tokens":{}}"#,
      "post_processor.single is missing or is not a template with the sequence A"
    ),
    (
      "post_processor", #"{"type":"BertProcessing","sep":["a",7],"cls":["a",1]}"#,
      "post_processor.sep is missing or is not a token with its id below 2"
    ),
    (
      "added_tokens", #"[{"id":1,"content":"<unk>"}]"#,
      #"added token "<unk>" has the id 1, in the vocabulary it has 0"#
    ),
    (
      "added_tokens", #"[{"id":99999999,"content":"x"}]"#,
      #"added token "x" has the id 99999999, 0 to 1048575 are allowed"#
    ),
    ("extra", "1", #"the member "extra" is not known"#),
  ])
  func `a part that is not known is refused by its place`(
    member: String, value: String, message: String
  ) {
    #expect(Self.error(member, value) == message)
  }

  @Test func `an expression that is not known is refused, and the known ones are said`() {
    let error = Self.error(
      "normalizer", #"{"type":"Replace","pattern":{"Regex":"(a+)+"},"content":""}"#)
    #expect(error.hasPrefix(#"normalizer.pattern is the expression "(a+)+", which is not among"#))
    #expect(error.contains(#""\\s+""#))
  }

  @Test func `every truncation and every single-byte change of a pack's tables is read or refused`()
    throws
  {
    let tokenizer = try TokenizerKind.bert.tokenizer()
    let tables = try #require(tokenizer.tables)
    let json = tokenizer.json
    for count in stride(from: 0, to: tables.count, by: 7) {
      #expect(throws: FormatError.self) {
        try Tokenizer(decoding: json, tables: Array(tables[..<count]))
      }
    }
    var refused = 0
    for index in stride(from: 0, to: tables.count, by: 5) {
      var changed = tables
      changed[index] ^= 0x41
      do throws(FormatError) {
        let other = try Tokenizer(decoding: json, tables: changed)
        // Some changes make another vocabulary; none may trap.
        _ = other.encode("a photo of a café, taken at night")
      } catch {
        refused += 1
      }
    }
    #expect(refused > 1000)
  }

  @Test(arguments: [
    ("0a03", "a field takes 3 bytes, 0 are left"), ("0a", "the message ends within a number"),
    ("0b", "field 1 has the wire type 3, 0, 1, 2 and 5 are known"),
    ("ffffffffffffffffffffff01", "a number takes more than 10 bytes"),
    ("", "the vocabulary has 0 tokens, 1 to 1048576 are allowed"),
    ("0a030a0161", "the model has 0 pieces for what is unknown, one is needed"),
    ("0a080a0161150000c07f", "piece 0 has the score nan"),
    ("0a050a01611809", "piece 0 is of type 9, 1 to 6 are known"),
    ("0a030a01ff", "piece 0 is not UTF-8"), ("12021809", "model_type is 9, 1 to 4 are known"),
  ])
  func `a damaged SentencePiece model`(hexadecimal: String, message: String) {
    let digits = Array(hexadecimal)
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
    do throws(FormatError) {
      _ = try SentencePieceModel(parsing: bytes)
      Issue.record("accepted")
    } catch {
      #expect(error.reason == message)
    }
  }
}
