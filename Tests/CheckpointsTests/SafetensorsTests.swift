import Bytes
import Checkpoints
import Tensors
import TestSupport
import Testing

@Suite("A safetensors header")
struct SafetensorsTests {
  /// A file from its JSON text and data.
  static func file(_ json: String, data: Int = 0) -> [UInt8] {
    let text = Array(json.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> ($0 * 8)) } + text
      + [UInt8](repeating: 0, count: data)
  }

  static func parse(_ bytes: [UInt8]) throws -> SafetensorsHeader {
    var reader = unsafe ByteReader(bytes.span.bytes)
    return try SafetensorsHeader(parsing: &reader)
  }

  /// A member of the header.
  private static func tensor(_ type: String, _ shape: String, _ offsets: String) -> String {
    #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  // MARK: valid

  @Test func `lists tensors in the order of their bytes`() throws {
    let header = try Self.parse(
      Self.file(
        #"{"b":\#(Self.tensor("F32", "[2,2]", "[4,20]")),"__metadata__":{"format":"pt"},"#
          + #""z":\#(Self.tensor("I16", "[0,7]", "[4,4]")),"#
          + #""a":\#(Self.tensor("I32", "[]", "[0,4]"))}   "#,
        data: 20))
    #expect(header.metadata == ["format": "pt"])
    #expect(header.tensors.map(\.name) == ["a", "z", "b"])
    #expect(header.tensors.map(\.shape) == [[], [0, 7], [2, 2]])
    #expect(header.tensors.map(\.elementType) == [.int32, .int16, .float32])
    let start = header.dataOffset
    #expect(
      header.tensors.map(\.range) == [
        start..<start + 4, start + 4..<start + 4, start + 4..<start + 20,
      ])
  }

  /// Those that the reference implementation's own tests load.
  @Test(arguments: [
    ("{}", 0, 0), ("{}\r \t\n", 0, 0),
    (#"{"test":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}"#, 4, 1),
    (#"{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}"#, 16, 1),
    (#"{"test":{"dtype":"I32","shape":[2,0],"data_offsets":[0, 0]}}"#, 0, 1),
    (#"{"t":{"dtype":"F4","shape":[1,2,3],"data_offsets":[0,3],"extra":null}}"#, 3, 1),
    (#"{"\u0074\ud83d\ude00é":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}"#, 3, 1),
    (#"{"__metadata__":{},"t":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#, 3, 1),
  ])
  func `may be odd`(json: String, data: Int, count: Int) throws {
    #expect(try Self.parse(Self.file(json, data: data)).tensors.count == count)
  }

  @Test(arguments: ElementType.allCases)
  func `knows every type`(_ type: ElementType) throws {
    let json = #"{"t":\#(Self.tensor(type.rawValue, "[8]", "[0,\(type.bits)]"))}"#
    #expect(try Self.parse(Self.file(json, data: type.bits)).tensors[0].elementType == type)
  }

  // MARK: refused

  struct Damage: Sendable, CustomTestStringConvertible {
    var what: String
    var bytes: [UInt8]
    var message: String
    var testDescription: String { what }
  }

  private static let good = #"{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}"#

  /// Those that the reference implementation's own tests refuse.
  static let malformed = [
    Damage(
      what: "an empty file", bytes: [],
      message: "header_size takes 8 bytes, 0 are left (byte 0x0)"),
    Damage(
      what: "a header of 2⁶⁴-2⁴⁰+60 bytes",
      bytes: [0x3c, 0, 0, 0, 0, 0xff, 0xff, 0xff] + file(good, data: 16).dropFirst(8),
      message: "header is 18446742974197923900 bytes, at most 100000000 are allowed (byte 0x8)"),
    Damage(
      what: "no header", bytes: [0x3c, 0, 0, 0, 0, 0, 0, 0],
      message: "header is 60 bytes, 0 are left (byte 0x8)"),
    Damage(
      what: "a header that is not UTF-8", bytes: [1, 0, 0, 0, 0, 0, 0, 0, 0xff],
      message: "header does not begin with byte 0xff, '{' is required (byte 0x8)"),
    Damage(
      what: "a header that is not JSON", bytes: file("{"),
      message: "JSON text ends before a key in quotes (byte 0x9)"),
    Damage(
      what: "white space before the header", bytes: file("\t\n{}\r "),
      message: "header does not begin with byte 0x9, '{' is required (byte 0x8)"),
    Damage(
      what: "bytes behind the last tensor", bytes: file(good, data: 50),
      message: "the tensors end at 16, the file has 50 bytes of data (byte 0x54)"),
    Damage(
      what: "a file cut short", bytes: file(good, data: 14),
      message: #"tensor "test": data_offsets end at 16, the file has 14 bytes of data "#
        + "(byte 0x52)"),
    Damage(
      what: "offsets that do not fit the shape",
      bytes: file(#"{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0, 4]}}"#, data: 4),
      message:
        #"tensor "test": data_offsets [0, 4] span 4 bytes, I32 2×2 takes 16 (byte 0x44)"#),
    Damage(
      what: "an extent beyond 2⁶³",
      bytes: file(
        #"{"test":{"dtype":"I32","shape":[2,18446744073709551614],"data_offsets":[0,16]}}"#,
        data: 16),
      message: #"tensor "test": shape[1] is 1.8446744073709552e+19, a whole number from 0 to "#
        + "9223372036854775807 is required (byte 0x8)"),
    Damage(
      what: "a shape whose product overflows",
      bytes: file(
        #"{"test":{"dtype":"I32","shape":[2,9223372036854775807],"data_offsets":[0,16]}}"#,
        data: 16),
      message: #"tensor "test": shape [2, 9223372036854775807] has more than "#
        + "9223372036854775807 elements (byte 0x8)"),
    Damage(
      what: "ten tensors in one place",
      bytes: file(
        "{"
          + (0..<10).map { #""weight_\#($0)":\#(tensor("F32", "[2,2]", "[0,16]"))"# }
          .joined(separator: ",") + "}", data: 16),
      message: #"tensor "weight_1": data_offsets begin at 0, "weight_0" ends at 16 (byte 0x27f)"#),
  ]

  /// The other rules of the format.
  static let damages = [
    Damage(
      what: "a header of nothing", bytes: file(""),
      message: "header does not begin at all, being empty, '{' is required (byte 0x8)"),
    Damage(
      what: "a hole",
      bytes: file(
        #"{"a":\#(tensor("U8", "[4]", "[0,4]")),"b":\#(tensor("U8", "[4]", "[5,9]"))}"#, data: 9),
      message: #"tensor "b": data_offsets begin at 5, the bytes from 4 on belong to no tensor "#
        + "(byte 0x75)"),
    Damage(
      what: "a name twice",
      bytes: file(
        #"{"a":\#(tensor("U8", "[4]", "[0,4]")),"a":\#(tensor("U8", "[4]", "[4,8]"))}"#, data: 8),
      message: #"key "a" stands twice in one object (byte 0x3d)"#),
    Damage(
      what: "an unknown type", bytes: file(#"{"a":\#(tensor("F33", "[1]", "[0,4]"))}"#, data: 4),
      message: #"tensor "a": dtype is "F33", one of BOOL, F4, F6_E2M3, F6_E3M2, U8, I8, F8_E5M2, "#
        + "F8_E4M3, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, I16, U16, F16, BF16, I32, U32, F32, C64, "
        + "F64, I64, U64 is required (byte 0x8)"),
    Damage(
      what: "a negative extent", bytes: file(#"{"a":\#(tensor("U8", "[-4]", "[0,4]"))}"#, data: 4),
      message: #"tensor "a": shape[0] is -4, a whole number from 0 to 9223372036854775807 is "#
        + "required (byte 0x8)"),
    Damage(
      what: "offsets in the wrong order",
      bytes: file(#"{"a":\#(tensor("U8", "[4]", "[4,0]"))}"#, data: 4),
      message: #"tensor "a": data_offsets begin at 4 and end before, at 0 (byte 0x8)"#),
    Damage(
      what: "three offsets", bytes: file(#"{"a":\#(tensor("U8", "[4]", "[0,4,4]"))}"#, data: 4),
      message: #"tensor "a": data_offsets are 3 numbers, 2 are required (byte 0x8)"#),
    Damage(
      what: "half a byte", bytes: file(#"{"a":\#(tensor("F4", "[3]", "[0,2]"))}"#, data: 2),
      message: #"tensor "a": F4 3 takes 12 bits, which are no whole number of bytes (byte 0x8)"#),
    Damage(
      what: "bits that overflow",
      bytes: file(#"{"a":\#(tensor("F64", "[4611686018427387904]", "[0,0]"))}"#),
      message: #"tensor "a": F64 4611686018427387904 takes more bits than 9223372036854775807 "#
        + "(byte 0x8)"),
    Damage(
      what: "a tensor without a type", bytes: file(#"{"a":{"shape":[],"data_offsets":[0,4]}}"#),
      message: #"tensor "a": dtype is missing (byte 0x8)"#),
    Damage(
      what: "a tensor that is none", bytes: file(#"{"a":4}"#),
      message: #"tensor "a": is 4, an object with dtype, shape and data_offsets is required "#
        + "(byte 0x8)"),
    Damage(
      what: "metadata that is no map", bytes: file(#"{"__metadata__":"pt"}"#),
      message: #"__metadata__ is "pt", an object of strings is required (byte 0x8)"#),
    Damage(
      what: "metadata that is no string", bytes: file(#"{"__metadata__":{"epoch":3}}"#),
      message: #"__metadata__ "epoch" is 3, a string is required (byte 0x8)"#),
    Damage(
      what: "text behind the header", bytes: file("{}{}"),
      message: "'{' stands where the end of the JSON text is expected (byte 0xa)"),
    Damage(
      what: "JSON nested 100,000 deep",
      bytes: file(#"{"a":"# + String(repeating: "[", count: 100_000)),
      message: "JSON nests 129 levels, at most 128 are allowed (byte 0x8c)"),
  ]

  @Test(arguments: malformed + damages)
  func `is refused with a reason and a place`(_ damage: Damage) {
    let error = #expect(throws: FormatError.self) { try Self.parse(damage.bytes) }
    #expect(error?.description == damage.message)
  }

  @Test func `is refused when it holds a million values`() {
    let json = #"{"a":["# + String(repeating: "0,", count: 1_000_000) + "0]}"
    let error = #expect(throws: FormatError.self) { try Self.parse(Self.file(json)) }
    #expect(error?.reason == "JSON text holds more than 1000000 values")
  }

  private static let small = file(
    #"{"__metadata__":{"k":"v"},"a":\#(tensor("F16", "[2,3]", "[0,12]")),"#
      + #""b":\#(tensor("F32", "[]", "[12,16]"))}"#, data: 16)

  @Test func `is refused, cut short anywhere`() {
    for count in 0..<Self.small.count {
      #expect(throws: FormatError.self) { try Self.parse(Array(Self.small.prefix(count))) }
    }
  }

  @Test func `never traps, whatever one byte is changed to`() throws {
    _ = try Self.parse(Self.small)
    for index in Self.small.indices {
      for byte in UInt8.min...UInt8.max {
        var bytes = Self.small
        bytes[index] = byte
        guard let header = try? Self.parse(bytes) else { continue }
        #expect(header.tensors.allSatisfy { $0.range.upperBound <= bytes.count })
      }
    }
  }
}
