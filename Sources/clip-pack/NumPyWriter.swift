import Bytes
import SystemPackage

/// Writes an array of float32 as a NumPy file (`.npy`, version 1.0), row after row; how many rows
/// there will be need not be known. The file appears whole or not at all.
///
/// Source: numpy/lib/_format_impl.py, "Format Version 1.0".
struct NumPyWriter: ~Copyable {
  /// A multiple of 64, as NumPy aligns data. The longest dictionary, with a number of rows of 19
  /// digits and extents of 20 bits, takes 107.
  private static let headerSize = 128

  private var file: AtomicFile
  /// The extents of a row.
  let extents: [Int]
  private let columns: Int
  private(set) var rows = 0

  /// - Parameter extents: of a row: one for a matrix, two for a matrix in each row.
  init(replacing path: FilePath, extents: [Int]) throws(FileError) {
    file = try Self.begin(path, extents)
    self.extents = extents
    columns = extents.reduce(1, *)
  }

  private static func begin(_ path: FilePath, _ extents: [Int]) throws(FileError) -> AtomicFile {
    var file = try AtomicFile(replacing: path)
    try unsafe file.append(header(rows: 0, extents).span.bytes)
    return file
  }

  /// Appends a row.
  ///
  /// - Precondition: as many values as the extents multiply to.
  mutating func append(_ row: [Float]) throws(FileError) {
    precondition(row.count == columns, "\(row.count) values in a row of \(columns)")
    // float32 in the byte order of this machine, which is little-endian wherever Swift runs.
    try unsafe file.append(row.span.bytes)
    rows += 1
  }

  /// Bytes written so far.
  var count: Int { file.count }

  /// Writes the number of rows and gives the file its name.
  consuming func commit() throws(FileError) {
    try unsafe file.overwrite(Self.header(rows: rows, extents).span.bytes, at: 0)
    try file.commit()
  }

  private static func header(rows: Int, _ extents: [Int]) -> [UInt8] {
    let shape = ([rows] + extents).map { "\($0)" }.joined(separator: ", ")
    let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape)), }"
    let length = headerSize - 10
    let padding = String(repeating: " ", count: length - 1 - dictionary.utf8.count)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length), 0]
      + Array((dictionary + padding + "\n").utf8)
  }
}
