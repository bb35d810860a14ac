import Bytes
import Testing

@Suite("Text for a terminal")
struct PrintableTests {
  @Test func `says what would move the cursor, and keeps the rest`() {
    #expect("a\u{1b}[2Jb".printable() == "a\\u001b[2Jb")
    #expect("passed\nfailed".printable() == "passed\\nfailed")
    #expect("\u{9b}31m \u{7f}\u{202e}gpj".printable() == "\\u009b31m \\u007f\\u202egpj")
    for text in ["", "plain", "größe 日本語 🙂", "é"] { #expect(text.printable() == text) }
  }

  @Test func `is the same JSON as before`() throws {
    let json: JSON = ["a\u{1b}\u{9b}": "\u{202e}x\n\u{2028}", "b": ["\u{7f}", 1]]
    #expect(try JSON(parsing: json.description.printable()) == json)
  }
}
