import Bytes
import Readers
import SystemPackage
import TestSupport
import Testing

/// Files that were made to hurt. A release build refuses each within a second on an idle machine;
/// `Scripts/hostile` measures time and memory.
@Suite("hostile files", .serialized)
struct HostileTests {
  struct Attack: Sendable, CustomTestStringConvertible {
    var name: String
    var reader: FuzzedReader
    var bytes: @Sendable () -> [UInt8]
    var testDescription: String { name }
  }

  static func header(_ text: [UInt8], claiming size: UInt64? = nil) -> [UInt8] {
    let size = size ?? UInt64(text.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) } + text
  }

  static let attacks: [Attack] = [
    Attack(name: "a header of 2⁶⁴ − 1 bytes", reader: .safetensors) {
      header(Array("{}".utf8), claiming: .max)
    },
    Attack(name: "a header of 100 MB and one byte", reader: .safetensors) {
      header([UInt8](repeating: 0x20, count: 100_000_001))
    },
    Attack(name: "a header of 99 MB of spaces in an object", reader: .safetensors) {
      header([0x7b] + [UInt8](repeating: 0x20, count: 99_000_000))
    },
    Attack(name: "overlapping tensors", reader: .safetensors) {
      header(
        Array(
          """
          {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},\
          "b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}
          """.utf8)) + [0, 0, 0, 0, 0, 0]
    },
    Attack(name: "a shape that overflows", reader: .safetensors) {
      header(
        Array(
          """
          {"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}
          """.utf8))
    },
    Attack(name: "the same key twice", reader: .json) { Array("{\"a\":1,\"a\":2}".utf8) },
    Attack(name: "100,000 arrays in each other", reader: .json) {
      [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
    },
    Attack(name: "100,000 objects in each other", reader: .json) {
      Array(String(repeating: "{\"a\":", count: 100_000).utf8)
    },
    Attack(name: "a number of a million digits", reader: .json) {
      [UInt8](repeating: UInt8(ascii: "9"), count: 1_000_000) + [UInt8(ascii: "e")]
    },
    Attack(name: "a model of 2⁶⁰ layers", reader: .configuration) {
      Array(
        """
        {"model_type":"clip_text_model","hidden_size":64,"num_hidden_layers":1152921504606846976,\
        "num_attention_heads":1,"intermediate_size":1}
        """.utf8)
    },
    Attack(name: "an id of 2⁶² in a vocabulary", reader: .vocabulary) {
      Array("{\"a\":4611686018427387904}".utf8)
    },
    Attack(name: "a SentencePiece piece of 2⁶³ − 1 bytes", reader: .sentencePiece) {
      [0x0a] + [UInt8](repeating: 0xff, count: 8) + [0x7f]
    },
    Attack(name: "100,000 SentencePiece pieces of the same text", reader: .sentencePiece) {
      (0..<100_000).flatMap { _ in [0x0a, 5, 0x0a, 1, 0x61, 0x18, 2] as [UInt8] }
    },
    Attack(name: "a normalizer of 100,000 arrays in each other", reader: .tokenizerJSON) {
      Array("{\"normalizer\":".utf8) + [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        + [UInt8](repeating: UInt8(ascii: "]"), count: 100_000) + Array(",\"model\":{}}".utf8)
    },
    Attack(name: "a normalizer that makes 2²⁰ characters of one", reader: .tokenizerJSON) {
      let step = #"{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"#
      let steps = [String](repeating: step, count: 20).joined(separator: ",")
      return Array(
        (#"{"normalizer":{"type":"Sequence","normalizers":["# + steps
          + #"]},"model":{"type":"Unigram","unk_id":0,"vocab":[["a",0]]}}"#).utf8)
    },
    Attack(name: "300,000 pieces of the same text", reader: .tokenizerJSON) {
      let pieces = [String](repeating: #"["a",0]"#, count: 300_000).joined(separator: ",")
      return Array((#"{"model":{"type":"Unigram","unk_id":0,"vocab":["# + pieces + "]}}").utf8)
    },
    Attack(name: "30,000 added tokens of the same text and other ids", reader: .tokenizerJSON) {
      let tokens = (0..<30_000).map { #"{"id":\#($0),"content":"<x>"}"# }.joined(separator: ",")
      return Array(
        (#"{"added_tokens":["# + tokens
          + #"],"model":{"type":"Unigram","unk_id":0,"vocab":[["a",0]]}}"#).utf8)
    },
    Attack(name: "tables of a tokenizer of 2⁶² bytes", reader: .tokenizerSections) {
      let json = Array(#"{"type":"pipeline","tables":{"ids":4611686018427387904}}"#.utf8)
      return [UInt8(json.count), 0, 0, 0] + json
    },
    Attack(name: "a PNG of 2³¹ − 1 by 2³¹ − 1", reader: .picture) {
      [
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0x7f,
        0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 8, 2, 0, 0, 0, 0, 0, 0, 0,
      ]
    },
    Attack(name: "a JPEG of 65,535 by 65,535 without data", reader: .picture) {
      [
        0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0xff, 0xff, 0xff, 0xff, 3, 1, 0x11, 0, 2, 0x11, 0, 3,
        0x11, 0, 0xff, 0xd9,
      ]
    },
    Attack(name: "a pack of zeros", reader: .sealedPack) { [UInt8](repeating: 0, count: 4096) },
  ]

  @Test(arguments: attacks)
  func `is refused at once`(attack: Attack) {
    let bytes = attack.bytes()
    let clock = ContinuousClock()
    var isTaken = true
    let time = clock.measure { isTaken = attack.reader.read(bytes) }
    #expect(!isTaken)
    // Debug builds and sanitizers are many times slower at walking 99 MB, and machines that test
    // are busy; but no attack may cost another order of growth.
    #expect(time < .seconds(bytes.count > 50_000_000 ? 120 : 10))
  }

  /// What the fuzzer has found and kept.
  static let corpus: [(reader: FuzzedReader, path: FilePath)] = FuzzedReader.allCases.flatMap {
    reader in
    let folder = Fixture.path("fuzz/\(reader.rawValue)")
    return ((try? Folder.names(in: folder)) ?? []).map { (reader, folder.appending($0)) }
  }

  @Test(arguments: corpus)
  func `what the fuzzer has found is read without a trap`(
    entry: (reader: FuzzedReader, path: FilePath)
  ) throws {
    let file = try MappedFile(entry.path)
    let bytes = file.bytes.array
    entry.reader.read(bytes)
    // A reader that depends on what lay in memory before would differ.
    #expect(entry.reader.read(bytes) == entry.reader.read(bytes))
  }
}
