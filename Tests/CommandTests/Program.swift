import Foundation
import SystemPackage
import TestSupport

/// The built `clip-pack`, run as a user would.
struct Program {
  struct Result {
    var status: Int32
    var output: String
    var errors: String

    var json: [String: Any] {
      (try? JSONSerialization.jsonObject(with: Data(output.utf8))) as? [String: Any] ?? [:]
    }
  }

  /// Beside the bundle of these tests.
  static let path: String = {
    let arguments = CommandLine.arguments
    let bundle = URL(fileURLWithPath: arguments[0]).deletingLastPathComponent()
    for folder in [bundle, bundle.deletingLastPathComponent()] {
      let candidate = folder.appendingPathComponent("clip-pack").path
      if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
    }
    fatalError("clip-pack is not built beside \(arguments[0])")
  }()

  /// - Parameters:
  ///   - folder: the working directory.
  ///   - variables: of the environment, besides this process's own.
  static func run(
    _ arguments: [String], in folder: FilePath, _ variables: [String: String] = [:]
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder.string)
    var environment = ProcessInfo.processInfo.environment
    environment["HF_HUB_CACHE"] = folder.string
    environment["COLUMNS"] = "80"
    process.environment = environment.merging(variables) { $1 }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Small outputs: neither pipe fills while the other is read.
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
      errors: String(decoding: complaint, as: UTF8.self))
  }
}
