import Bytes
import SystemPackage
import TestSupport
import Testing
import Tokenizers

/// What is wrong with a tokenizer's files, and what is said about it.
@Suite struct TokenizerRefusalTests {
  /// The smallest vocabulary that has something of everything.
  static let vocabulary: [String: Int] = [
    "a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4,
  ]
  static let vocabularyText = JSON.object(
    vocabulary.sorted { $0.value < $1.value }.reduce(into: JSON.Object()) {
      $0[$1.key] = .integer($1.value)
    }
  ).description

  static func error(_ vocabulary: String, _ merges: String) -> String {
    let vocabulary = Array(vocabulary.utf8)
    let merges = Array(merges.utf8)
    do throws(FormatError) {
      _ = try Tokenizer(parsingVocabulary: vocabulary.span, merges: merges.span)
      return "accepted"
    } catch {
      return error.description
    }
  }

  @Test(arguments: [
    ("{", "JSON text ends before a key in quotes (byte 0x1)"),
    ("[]", "the vocabulary is not an object of ids by token"),
    ("{}", "the vocabulary has 0 tokens, 1 to 1048576 are allowed"),
    (#"{"a": 0.5}"#, #"token "a" has the id 0.5, an integer is needed"#),
    (#"{"a": "0"}"#, #"token "a" has the id "0", an integer is needed"#),
    (
      #"{"a": 1}"#, #"token "a" has the id 1, 1 tokens need the ids 0 to 0 and 0 is missing"#
    ),
    (
      #"{"a": -1}"#, #"token "a" has the id -1, 1 tokens need the ids 0 to 0 and 0 is missing"#
    ),
    (
      #"{"a": 9223372036854775807}"#,
      #"token "a" has the id 9223372036854775807, 1 tokens need the ids 0 to 0 and 0 is missing"#
    ),
    (#"{"a": 0, "b": 0}"#, #"tokens "a" and "b" have the same id 0"#),
    (#"{"": 0}"#, "token 0 is empty"),
    (
      #"{"a": 0, "<|startoftext|>": 1}"#,
      #"added token "<|endoftext|>" is not in the vocabulary of 2 tokens"#
    ),
  ])
  func `a damaged vocabulary`(text: String, message: String) {
    #expect(Self.error(text, "") == message)
  }

  @Test(arguments: [
    ("#version: 0.2\na b</w>\n", "accepted"),
    ("a b</w>", "accepted"),
    ("\"bpe_simple_vocab_16e6.txt#version: 0.2\r\na b</w>\r\n\r\n\n", "accepted"),
    ("a b</w>\na b</w>", "accepted"),
    (
      "#version: 0.2\nab</w>\n",
      #"merge 0 is "ab</w>", two symbols with one space between are needed (byte 0xe)"#
    ),
    (
      "a b</w> \n",
      #"merge 0 is "a b</w> ", two symbols with one space between are needed (byte 0x0)"#
    ),
    (
      "\na b</w>\n", #"merge 0 is "", two symbols with one space between are needed (byte 0x0)"#
    ),
    (
      "a b</w>\na c\n",
      #"merge 1: right part "c" is not in the vocabulary of 5 tokens (byte 0x8)"#
    ),
    ("c a\n", #"merge 0: left part "c" is not in the vocabulary of 5 tokens (byte 0x0)"#),
    ("a a\n", #"merge 0: result "aa" is not in the vocabulary of 5 tokens (byte 0x0)"#),
  ])
  func `damaged merges`(text: String, message: String) {
    #expect(Self.error(Self.vocabularyText, text) == message)
  }

  @Test(arguments: [
    (#"{}"#, #""model" is missing or is not an object"#),
    (#"{"model": {"type": "Unigram"}}"#, #"the model's type is "Unigram", CLIP's is "BPE""#),
    (
      #"{"model": {"type": "BPE", "end_of_word_suffix": null}}"#,
      #"the model's end_of_word_suffix is null, CLIP's is "</w>""#
    ),
    (
      #"{"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0}}}"#,
      #""model.merges" is missing or is not an array"#
    ),
    (
      #"{"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0}, "#
        + #""merges": [1]}}"#,
      #""model.merges[0]" is missing or is not a pair of strings"#
    ),
    (
      #"{"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0}, "merges": []}, "#
        + #""added_tokens": [{"id": 1, "content": "a"}]}"#,
      #"added token "a" has the id 1, in the vocabulary it has 0"#
    ),
    (
      #"{"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0}, "merges": []}, "#
        + #""added_tokens": [{"id": 1, "content": "b", "single_word": true}]}"#,
      #"added_tokens[0].single_word is true for "b", only false is read"#
    ),
  ])
  func `a damaged tokenizer file`(text: String, message: String) {
    let bytes = Array(text.utf8)
    do throws(FormatError) {
      _ = try Tokenizer(parsingTokenizerJSON: bytes.span)
      Issue.record("accepted")
    } catch {
      #expect(error.description == message)
    }
  }

  @Test(
    arguments: [
      ("type", "bpe", #"the tokenizer's type is "bpe", not "clip_bpe" or "pipeline""#),
      ("vocabulary", nil, #""vocabulary" is missing or is not an array of strings"#),
      ("vocabulary", ["a", 1], #""vocabulary[1]" is missing or is not a string"#),
      ("vocabulary", ["a", "a"], #"token "a" has the ids 0 and 1"#),
      ("merges", ["a"], #"merge 0 is "a", two symbols with one space between are needed"#),
      ("merges", ["a a"], #"merge 0: result "aa" is not in the vocabulary of 5 tokens"#),
      ("start", nil, #""start" is missing or is not an integer"#),
      ("start", 5, #""start" is the id 5, the vocabulary has 0 to 4"#),
      ("end", -1, #""end" is the id -1, the vocabulary has 0 to 4"#),
      (
        "padding", 9_223_372_036_854_775_807,
        #""padding" is the id 9223372036854775807, the vocabulary has 0 to 4"#
      ),
      ("added", [["id": 3]], #""added[0].normalized" is missing or is not true or false"#),
      (
        "added", [["id": 7, "normalized": true]],
        #""added[0].id" is the id 7, the vocabulary has 0 to 4"#
      ),
    ] as [(String, JSON?, String)])
  func `a damaged tokenizer of a pack`(member: String, value: JSON?, message: String) throws {
    let tokenizer = try Tokenizer(vocabulary: Self.vocabulary, merges: [("a", "b</w>")])
    var object = try #require(tokenizer.json.object)
    object[member] = value
    do throws(FormatError) {
      _ = try Tokenizer(decoding: .object(object))
      Issue.record("accepted")
    } catch {
      #expect(error.description == message)
    }
  }

  @Test func `a folder's error names the file`() throws {
    let folder = TemporaryFolder()
    #expect(throws: FileError.self) { try Tokenizer(folder: folder.path) }
    try folder.write(Array(Self.vocabularyText.utf8), "vocab.json")
    #expect(throws: FileError.self) { try Tokenizer(folder: folder.path) }
    try folder.write(Array("a b</w>\nx\n".utf8), "merges.txt")
    let error = #expect(throws: FormatError.self) { try Tokenizer(folder: folder.path) }
    #expect(
      error?.description
        == #"merges.txt: merge 1 is "x", two symbols with one space between are needed (byte 0x8)"#)
  }
}
