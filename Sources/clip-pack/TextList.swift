import Bytes
import SystemPackage

/// The lines of a list that are not empty, all at once, and what is left out of them as notes.
///
/// - Throws: `FileError` for a file that cannot be read or is not UTF-8, `Refusal` for one without
///   text.
func texts(listedIn path: FilePath, noting notes: inout [String]) throws -> [String] {
  let lines = try LineReader(path, skipsEmpty: true)
  var texts: [String] = []
  while let text = try lines.nextText() { texts.append(text) }
  guard !texts.isEmpty else { throw Refusal("'\(path)' has no text", about: path) }
  notes += lines.notes
  return texts
}
