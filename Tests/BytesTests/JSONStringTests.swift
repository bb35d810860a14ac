import Bytes
import Testing

@Suite struct JSONStringTests {
  @Test(arguments: [
    (#""plain é 🙂""#, "plain é 🙂"), (#""""#, ""), (#""a\"b\\""#, "a\"b\\"),
    (#""late escape \u00e9""#, "late escape é"),
  ])
  func `a string with or without escapes`(text: String, value: String) throws {
    #expect(try JSON(parsing: text) == .string(value))
  }

  @Test(
    arguments: [
      ([0x22, 0x61], "string has no closing quote (byte 0x0)"),
      ([0x22, 0xff, 0x22], "string is not UTF-8 (byte 0x0)"),
      ([0x22, 0xff, 0x5c, 0x6e, 0x22], "string is not UTF-8 (byte 0x0)"),
      (
        [0x22, 0x61, 0x0a, 0x22],
        "byte 0xa stands where an escape for a control character is expected (byte 0x2)"
      ),
    ] as [([UInt8], String)])
  func `a damaged string`(bytes: [UInt8], message: String) {
    do throws(FormatError) {
      _ = try JSON(parsing: bytes.span)
      Issue.record("accepted")
    } catch {
      #expect(error.description == message)
    }
  }
}
