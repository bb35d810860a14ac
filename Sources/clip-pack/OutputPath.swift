import Bytes
import SystemPackage

/// The path of an output that is one file.
///
/// What it may replace is one rule for all outputs: `AtomicFile`, which refuses files that have
/// been read. Inputs that are read later are named here, so that nobody waits for the refusal.
///
/// - Throws: `FileError` for a name that only a folder can have, and for an input.
func outputPath(_ name: String, besides inputs: [String] = []) throws(FileError) -> FilePath {
  guard !name.isEmpty else {
    throw FileError("write", FilePath(argument: name), "the name is empty", code: .name)
  }
  let path = FilePath(argument: name)
  guard !name.hasSuffix("/") || FileKind(of: path) == .directory else {
    throw FileError(
      "write", path, "\(name) names a folder, and one file is written", code: .name)
  }
  for input in inputs { ReadFiles.note(FilePath(argument: input)) }
  guard !ReadFiles.contain(path) else {
    throw FileError("write", path, "it is an input itself", code: .isInput)
  }
  Terminal.makeWay(for: path)
  return path
}
