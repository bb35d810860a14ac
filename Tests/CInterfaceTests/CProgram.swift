import Foundation
import Platform
import SystemPackage
import TestSupport
import Testing

/// A program in C, compiled against the header and the shared library that were built with these
/// tests.
struct CProgram {
  let path: String

  /// Beside the bundle of these tests.
  private static let libraries: String = {
    let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    for folder in [bundle, bundle.deletingLastPathComponent()] {
      let library = folder.appendingPathComponent("libclippack.so").path
      if FileManager.default.fileExists(atPath: library) { return folder.path }
    }
    fatalError("libclippack is not built beside \(CommandLine.arguments[0])")
  }()

  static let root = Fixture.folder.removingLastComponent().removingLastComponent()
  private static let sanitizes = unsafe dlsym(nil, "__asan_init") != nil

  init(_ source: String, in folder: TemporaryFolder) throws {
    path = folder.appending("program").string
    let (header, libraries) = (Self.root.appending("Sources/CClipPack"), Self.libraries)
    let result = try Self.run(
      "/usr/bin/env",
      ["clang", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-I", header.string]
        + [Self.root.appending(FilePath(source).components).string, "-o", path, "-L", libraries]
        + ["-lclippack", "-Wl,-rpath,\(libraries)", "-lm", "-pthread"]
        + (Self.sanitizes ? ["-fsanitize=address"] : []), in: folder)
    try #require(result.status == 0, "\(result.errors)")
  }

  typealias Result = (status: Int32, output: String, errors: String)

  func run(_ arguments: String..., in folder: TemporaryFolder) throws -> Result {
    try Self.run(path, arguments, in: folder)
  }

  private static func run(
    _ program: String, _ arguments: [String], in folder: TemporaryFolder
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path.string)
    // To files, which take any amount.
    let names = ["stdout", "stderr"].map { folder.appending($0).string }
    for name in names { _ = FileManager.default.createFile(atPath: name, contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: names[0])
    process.standardError = FileHandle(forWritingAtPath: names[1])
    try process.run()
    process.waitUntilExit()
    let texts = try names.map { try String(contentsOfFile: $0, encoding: .utf8) }
    return (process.terminationStatus, texts[0], texts[1])
  }
}
