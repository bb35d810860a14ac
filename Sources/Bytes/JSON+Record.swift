package import SystemPackage

extension JSON {
  /// Reads a record that this program wrote beside other files.
  ///
  /// - Throws: `FileError` where it cannot be read; `FormatError` for a file that is no JSON, or
  ///   larger than any record.
  package init(recordAt path: FilePath) throws {
    let file = try MappedFile(path)
    guard file.count <= 1 << 20 else {
      throw FormatError(.invalidField, "file is \(file.count) bytes, a record has some hundred")
    }
    try self.init(parsing: file.bytes.array.span)
  }
}
