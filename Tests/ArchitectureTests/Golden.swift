import Bytes
import SystemPackage
import TestSupport
import Testing

/// A configuration as it may be found, and what Python makes of it.
///
/// Made by `Scripts/export_configs.py`.
struct Golden: Sendable, CustomTestStringConvertible {
  var name: String
  var config: JSON
  /// The form that clip-pack writes, with Python's values; Python loads it.
  var normalised: JSON
  var testDescription: String { name }

  static func cases(_ file: String) -> [Golden] {
    do {
      let file = try MappedFile(Fixture.path("configs/" + file))
      let text = unsafe file.bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
      return try JSON(parsing: text).array?.map { row in
        Golden(
          name: row["name"]?.string ?? "", config: row["config"] ?? .null,
          normalised: row["normalised"] ?? .null)
      } ?? []
    } catch { fatalError("\(error)") }
  }
}

/// A file, and the whole message that its reader must give.
struct Damage: Sendable, CustomTestStringConvertible {
  var text: String
  var message: String
  var testDescription: String { message }

  init(_ text: String, _ message: String) {
    self.text = text
    self.message = message
  }
}
