import Bytes
import Foundation
import SystemPackage
import TestSupport
import Testing

/// One rule for all outputs: none replaces an input. In a process of its own, since what is
/// remembered is the process's.
@Suite struct ReadFilesTests {
  @Test func `an output replaces no file that has been read`() async {
    await #expect(processExitsWith: .success) { try ReadFilesTests.run() }
  }

  private static func run() throws {
    let folder = TemporaryFolder()
    let mapped = try folder.write([1], "mapped")
    _ = try MappedFile(mapped)
    ReadFiles.remember()
    // What was read before is not known.
    precondition(!ReadFiles.contain(mapped))
    _ = try MappedFile(mapped)
    precondition(refusal(of: mapped) == .isInput)
    try runLists(folder)
    try replaceAnyway(mapped)
  }

  private static func runLists(_ folder: TemporaryFolder) throws {
    let list = try folder.write([2], "list")
    _ = try LineReader(list)
    precondition(refusal(of: list) == .isInput)
    let link = folder.appending("link")
    let isLinked = unsafe symlink("list", link.string) == 0
    precondition(isLinked && refusal(of: link) == .isInput)
    // One that is read after the output was begun is not replaced either.
    let late = try folder.write([3], "late")
    precondition(refusal(of: late, readingMeanwhile: true) == .isInput)
    let kept = try MappedFile(late)
    precondition(kept.bytes[0] == 3)
    // An output that was read back may be replaced.
    let new = folder.appending("new")
    try readBack(new)
    precondition(refusal(of: new) == nil)
  }

  /// Why a file cannot be replaced; `nil` where it was.
  private static func refusal(
    of path: FilePath, readingMeanwhile isRead: Bool = false
  ) -> FileError.Code? {
    do { try replace(path, reading: isRead ? path : nil) } catch {
      return (error as? FileError)?.code
    }
    return nil
  }

  private static func replace(_ path: FilePath, reading other: FilePath?) throws {
    var file = try AtomicFile(replacing: path)
    try file.append(text: "new")
    if let other { try read(other) }
    try file.commit()
  }

  private static func read(_ path: FilePath) throws {
    let file = try MappedFile(path)
    precondition(file.path == path)
  }

  private static func replaceAnyway(_ path: FilePath) throws {
    var file = try AtomicFile(replacing: path, mayReplaceInput: true)
    try file.append(text: "new")
    try file.commit()
  }

  private static func readBack(_ path: FilePath) throws {
    var file = try AtomicFile(replacing: path)
    try file.append(text: "new")
    try read(file.workingPath)
    try file.commit()
  }
}
