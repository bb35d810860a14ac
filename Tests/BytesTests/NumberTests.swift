import Bytes
import SystemPackage
import TestSupport
import Testing

/// Numbers from files, which may be any, and arithmetic on them.
@Suite struct NumberTests {
  static let values: [(Double, Int)] = [
    (.nan, 0), (.infinity, 1 << 53), (-.infinity, -(1 << 53)), (1e300, 1 << 53),
    (-1e300, -(1 << 53)), (9_223_372_036_854_775_808, 1 << 53), (0, 0), (-0.0, 0), (1.9, 1),
    (-1.9, -1), (1e15, 1_000_000_000_000_000), (.leastNonzeroMagnitude, 0),
  ]

  @Test(arguments: values)
  func `any floating-point number has a whole part`(value: Double, whole: Int) {
    #expect(Int(saturating: value) == whole)
  }

  @Test func `a size or a count is no negative number and none that sums overflow with`() throws {
    for (text, expected) in [
      ("0", 0), ("9007199254740992", 1 << 53), ("9007199254740993", nil), ("-1", nil),
      ("-9223372036854775808", nil), ("9223372036854775807", nil), ("1.0", nil), ("1e3", nil),
      ("\"1\"", nil), ("null", nil),
    ] as [(String, Int?)] {
      #expect(try JSON(parsing: text).natural == expected, "\(text)")
    }
  }

  @Test func `JSON writes null for what it has no number for`() {
    #expect(JSON.number(.nan).description == "null")
    #expect(
      JSON.array([.number(-.infinity), .number(-1.7e308 - 1e308)]).description == "[null,null]")
    #expect(JSON(finite: .infinity) == .null)
  }

  /// `Int(value)` of a `Double` ends the program on NaN, infinities and large values, and no
  /// compiler finds it: this reads the sources for the ways in which such a conversion is written.
  @Test func `no floating-point number is converted in a way that can trap`() throws {
    let sources = Fixture.folder.removingLastComponent().removingLastComponent()
      .appending("Sources")
    let signs = [".rounded(", "Double(", "Float(", "squareRoot", "log2(", "pow("]
    var found: [String] = []
    var count = 0
    for file in try swiftFiles(in: sources) where file.lastComponent != "Int+Saturating.swift" {
      count += 1
      let reader = try LineReader(file)
      while let line = try reader.nextText() {
        let parts = line.split(separator: "Int(", omittingEmptySubsequences: false).dropFirst()
        guard
          parts.contains(where: { part in
            !part.hasPrefix("saturating:") && !part.hasPrefix("exactly:")
              && signs.contains { part.contains($0) }
          })
        else { continue }
        found.append("\(file):\(reader.count): \(line)")
      }
    }
    #expect(count > 100)
    #expect(found == [])
  }

  private func swiftFiles(in folder: FilePath) throws -> [FilePath] {
    try Folder.entries(in: folder).flatMap { path in
      if FileKind(of: path) == .directory { return try swiftFiles(in: path) }
      return path.extension == "swift" ? [path] : []
    }
  }
}
