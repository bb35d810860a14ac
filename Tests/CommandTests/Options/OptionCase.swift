import Bytes
import Foundation
import SystemPackage
import TestSupport
import Testing

/// One option or argument of one command, and what shows that it does what it says.
struct OptionCase: Sendable, CustomTestStringConvertible {
  let command: String
  /// The long name without its dashes, the short one where there is no other, or an argument's.
  let option: String
  let prove: @Sendable (OptionBench) throws -> Void

  init(
    _ command: String, _ option: String, _ prove: @escaping @Sendable (OptionBench) throws -> Void
  ) {
    self.command = command
    self.option = option
    self.prove = prove
  }

  var testDescription: String { "\(command) \(option)" }
}

/// A folder with packs, and the program run in it.
struct OptionBench {
  let folder = TemporaryFolder()
  static let demo = Fixture.path("demo").string
  static let tiny = Fixture.path("models/quick-gelu").string
  /// A model of a family besides CLIP.
  static func family(_ name: String) -> String { Fixture.path("families/\(name)").string }
  static let pictures = Fixture.path("pictures").string
  static let picture = pictures + "/01-red-on-black.jpg"
  static let other = pictures + "/03-yellow-on-grey.jpg"

  /// Packs that all share: of the demo in int8 with evidence and without loss, of a tiny model, and
  /// a key.
  private static let shared = Result { () throws -> TemporaryFolder in
    let folder = TemporaryFolder()
    for arguments in [
      ["convert", demo, "-o", "demo.clippack", "--calibration", "none"],
      ["convert", demo, "-o", "whole.clippack", "--to", "lossless", "--no-evidence"],
      ["convert", tiny, "-o", "tiny.clippack"], ["keygen", "-o", "key"],
      ["keygen", "-o", "other"],
      ["sign", "tiny.clippack", "--key", "key", "-o", "signed.clippack"],
    ] {
      let result = try Program.run(arguments + ["--quiet"], in: folder.path)
      try #require(result.status == 0, "\(result.errors)")
    }
    return folder
  }

  func shared(_ name: String) throws -> String { try Self.shared.get().appending(name).string }

  @discardableResult
  func run(_ arguments: String..., status: Int32 = 0) throws -> Program.Result {
    let result = try Program.run(arguments, in: folder.path)
    #expect(result.status == status, "\(arguments): \(result.errors)")
    return result
  }

  func write(_ text: String, _ name: String) throws { try folder.write(Array(text.utf8), name) }

  func text(_ name: String) throws -> String {
    String(decoding: try bytes(of: folder.appending(name).string), as: UTF8.self)
  }

  func bytes(of path: String) throws -> [UInt8] { try MappedFile(FilePath(path)).copy }

  /// A symbolic link in the folder.
  func link(_ target: String, _ name: String) throws {
    let status = unsafe symlink(target, folder.appending(FilePath(name).string).string)
    try #require(status == 0)
  }

  func remove(_ name: String) throws {
    let status = unsafe unlink(folder.appending(name).string)
    try #require(status == 0)
  }

  /// A folder `pictures` of two pictures and what else lies in such folders.
  func makePictures() throws {
    try Folder.create(folder.appending("pictures"))
    try Folder.create(folder.appending("pictures/within"))
    try link(Self.picture, "pictures/a.JPG")
    try link(Self.other, "pictures/b.jpeg")
    for name in ["c.gif", "d.GIF", "e.heic", "._a.jpg", "README"] {
      try write("no picture", "pictures/" + name)
    }
  }

  func convert(_ arguments: String...) throws -> Program.Result {
    try Program.run(
      ["convert", Self.tiny, "-o", "x.clippack", "--json"] + arguments, in: folder.path)
  }

  /// A member of a JSON object of objects.
  func value(_ result: Program.Result, _ path: String...) -> Any? {
    path.reduce(result.json as Any?) { ($0 as? [String: Any])?[$1] }
  }
}

extension MappedFile {
  fileprivate var copy: [UInt8] { bytes.array }
}
