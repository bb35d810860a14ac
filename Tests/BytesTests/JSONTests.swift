import Bytes
import Testing

@Suite("JSON")
struct JSONTests {
  @Test func `is read with every kind of value`() throws {
    let json = try JSON(
      parsing: #" {"a":[null,true,false,0,-7,1.5,-2e3,1E+2,9223372036854775808],"b":{},"":[]} "#)
    #expect(json.object?.keys == ["a", "b", ""])
    #expect(
      json["a"]
        == [.null, true, false, 0, -7, 1.5, -2000.0, 100.0, .number(9_223_372_036_854_775_808)])
    #expect(json["b"] == [:])
    #expect(json["c"] == nil)
    #expect(json["a"]?.array?[5].int == nil)
    #expect(json["a"]?.array?[4].double == -7)
  }

  @Test(arguments: [
    (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u00e9\u4E2D""#, "é中"),
    (#""\ud83d\ude00""#, "😀"), ("\"é中😀\"", "é中😀"), (#""\u0000""#, "\0"),
  ])
  func `has strings with escapes`(text: String, expected: String) throws {
    #expect(try JSON(parsing: text).string == expected)
  }

  @Test(arguments: [
    #"{"a":[1,2.5,"x"],"b":{"c":null,"d":true}}"#, "[]", "{}", "\"\\\"\\\\\\n\\u0001é\"",
    "-9223372036854775808", "1e-05", "0.1", "[1.0,1]",
  ])
  func `is written as it was read`(text: String) throws {
    let json = try JSON(parsing: text)
    #expect(json.description == text)
    #expect(try JSON(parsing: json.indented) == json)
  }

  @Test func `is indented for people`() throws {
    let json: JSON = ["a": [1, [:]], "b": []]
    #expect(
      json.indented == """
        {
          "a": [
            1,
            {}
          ],
          "b": []
        }
        """)
  }

  @Test func `keeps members in order when they change`() {
    var object = JSON.Object()
    for key in ["z", "a", "m"] { object[key] = 1 }
    object["a"] = 2
    object["z"] = nil
    object["z"] = 3
    #expect(object.keys == ["a", "m", "z"])
    #expect(object.count == 3)
    #expect(JSON.object(object).description == #"{"a":2,"m":1,"z":3}"#)
  }

  @Test func `is shortened for messages`() {
    #expect(JSON.string(String(repeating: "é", count: 1000)).excerpt.utf8.count < 70)
    #expect(JSON.array(Array(repeating: 0, count: 9)).excerpt == "an array of 9 elements")
    #expect(JSON.array([1, "x", .null]).excerpt == #"[1, "x", null]"#)
    #expect(JSON.array([[1]]).excerpt == "an array of 1 elements")
  }

  /// A text, and the whole message that its reader must give.
  static let damages: [(String, String)] = [
    ("", "JSON text ends before a JSON value (byte 0x0)"),
    (" ", "JSON text ends before a JSON value (byte 0x1)"),
    ("nul", "JSON text ends before null (byte 0x3)"),
    ("truE", "'E' stands where true is expected (byte 0x3)"),
    ("[1,]", "']' stands where a JSON value is expected (byte 0x3)"),
    ("[1 2]", "'2' stands where ',' or ']' is expected (byte 0x3)"),
    ("{1:2}", "'1' stands where a key in quotes is expected (byte 0x1)"),
    (#"{"a" 1}"#, "'1' stands where ':' is expected (byte 0x5)"),
    (#"{"a":1,}"#, "'}' stands where a key in quotes is expected (byte 0x7)"),
    (#"{"a":1,"a":2}"#, #"key "a" stands twice in one object (byte 0x7)"#),
    ("01", "'1' stands where the end of the JSON text is expected (byte 0x1)"),
    ("-", "JSON text ends before a digit (byte 0x1)"),
    ("1.", "JSON text ends before a digit (byte 0x2)"),
    ("1e+", "JSON text ends before a digit (byte 0x3)"),
    ("+1", "'+' stands where a JSON value is expected (byte 0x0)"),
    ("NaN", "'N' stands where a JSON value is expected (byte 0x0)"),
    ("1e999", "number 1e999 does not fit a double (byte 0x0)"),
    ("\"a", "string has no closing quote (byte 0x0)"),
    ("\"\n\"", "byte 0xa stands where an escape for a control character is expected (byte 0x1)"),
    (#""\x""#, #"'x' stands where one of \" \\ \/ \b \f \n \r \t \u is expected (byte 0x2)"#),
    (#""\u12g4""#, "'g' stands where a hexadecimal digit is expected (byte 0x5)"),
    (#""\ud800""#, "'\"' stands where a surrogate pair is expected (byte 0x7)"),
    (#""\ud800\u0041""#, "'\"' stands where a low surrogate is expected (byte 0xd)"),
    ("[] []", "'[' stands where the end of the JSON text is expected (byte 0x3)"),
  ]

  @Test(arguments: damages)
  func `is refused with what was found, what is expected and where`(
    text: String, message: String
  ) {
    let error = #expect(throws: FormatError.self) { try JSON(parsing: text) }
    #expect(error?.description == message)
  }

  @Test(arguments: [
    [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
  ])
  func `is refused when a string is not UTF-8`(bytes: [UInt8]) {
    let error = #expect(throws: FormatError.self) { try JSON(parsing: bytes.span, origin: 16) }
    #expect(error?.description == "string is not UTF-8 (byte 0x10)")
  }

  /// Swift's strings are equal when Unicode says so. A file with both spellings is refused rather
  /// than half read.
  @Test func `takes two spellings of é for one key`() throws {
    #expect(throws: FormatError.self) { try JSON(parsing: "{\"e\u{301}\":1,\"\u{e9}\":2}") }
  }

  @Test(arguments: ["[", "{\"a\":"])
  func `nests at most 128 levels`(open: String) {
    let close = open == "[" ? "]" : "}"
    func text(_ depth: Int) -> String {
      String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)
    }
    #expect(throws: Never.self) { try JSON(parsing: text(128).replacing("[0]", with: "[]")) }
    let error = #expect(throws: FormatError.self) { try JSON(parsing: text(100_000)) }
    #expect(error?.reason == "JSON nests 129 levels, at most 128 are allowed")
  }

  @Test func `never traps, whatever one byte is changed to, or where it is cut`() {
    let good = Array(#"{"a":[1,-2.5e3,"\u00e9\n",null,true],"é":{}}"#.utf8)
    for index in good.indices {
      _ = try? JSON(parsing: Array(good[..<index]).span)
      for byte in UInt8.min...UInt8.max {
        var bytes = good
        bytes[index] = byte
        _ = try? JSON(parsing: bytes.span)
      }
    }
  }
}
