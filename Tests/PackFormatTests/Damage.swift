import Bytes
import Testing

@testable import PackFormat

/// One damaged pack, and the whole message that its reader must give.
struct Damage: Sendable, CustomTestStringConvertible {
  var what: String
  var code: FormatError.Code
  var message: String
  var sample = Sample.example
  var forge: @Sendable (inout Forgery) -> Void
  var testDescription: String { what }

  /// - Parameter forge: damages the file; checksums are made right again unless it is said.
  init(
    _ what: String, _ code: FormatError.Code, _ message: String, of sample: Sample = .example,
    sealing: Bool = true, _ forge: @escaping @Sendable (inout Forgery) -> Void
  ) {
    self.what = what
    self.code = code
    self.message = message
    self.sample = sample
    self.forge = {
      forge(&$0)
      if sealing { $0.seal() }
    }
  }

  /// Something wrong in the preamble, whose checksum is right.
  static func preamble(
    _ what: String, _ code: FormatError.Code, _ message: String,
    _ forge: @escaping @Sendable (inout Forgery) -> Void
  ) -> Damage {
    Damage(what, code, message, sealing: false) {
      forge(&$0)
      $0.sealPreamble()
    }
  }

  /// One more item in a manifest.
  static func item(
    _ what: String, _ code: FormatError.Code, _ message: String, _ item: [UInt8],
    inManifest manifest: Int = 0
  ) -> Damage {
    Damage(what, code, message, sealing: false) { $0.append(item, toManifest: manifest) }
  }
}
