public import Bytes
internal import Kernels
public import SystemPackage

/// What the elements of an array of vectors are stored as.
public enum VectorType: String, CaseIterable, Sendable {
  case f32, f16

  /// NumPy's name.
  public var name: String { self == .f32 ? "float32" : "float16" }
}

/// Writes an array of floats as a NumPy file (`.npy`, version 1.0), row after row; how many rows
/// there will be need not be known. The file appears whole or not at all.
///
/// Source: numpy/lib/_format_impl.py, "Format Version 1.0".
public struct NumPyWriter: ~Copyable {
  /// A multiple of 64, as NumPy aligns data. The longest dictionary, with a number of rows of 19
  /// digits and extents of 20 bits, takes 107.
  private static let headerSize = 128

  private var file: AtomicFile
  /// The extents of a row.
  public let extents: [Int]
  private let columns: Int
  public let type: VectorType
  public private(set) var rows = 0

  /// - Parameter extents: of a row: one for a matrix, two for a matrix in each row.
  public init(
    replacing path: FilePath, extents: [Int], type: VectorType = .f32
  ) throws(FileError) {
    file = try Self.begin(path, extents, type)
    self.extents = extents
    columns = extents.reduce(1, *)
    self.type = type
  }

  private static func begin(
    _ path: FilePath, _ extents: [Int], _ type: VectorType
  ) throws(FileError) -> AtomicFile {
    var file = try AtomicFile(replacing: path)
    try unsafe file.append(header(rows: 0, extents, type).span.bytes)
    return file
  }

  /// Appends a row; as float16 each value is rounded to the nearest, ties to even.
  ///
  /// - Precondition: as many values as the extents multiply to.
  public mutating func append(_ row: [Float]) throws(FileError) {
    precondition(row.count == columns, "\(row.count) values in a row of \(columns)")
    // Floats in the byte order of this machine, which is little-endian wherever Swift runs.
    switch type {
    case .f32: try unsafe file.append(row.span.bytes)
    case .f16:
      let halves = Buffer(count: 2 * columns) { output in
        _ = unsafe Half.float16.narrow(row.span.bytes, into: &output)
      }
      try file.append(halves.bytes)
    }
    rows += 1
  }

  /// Bytes written so far.
  public var count: Int { file.count }

  /// Writes the number of rows and gives the file its name.
  public consuming func commit() throws(FileError) {
    try unsafe file.overwrite(Self.header(rows: rows, extents, type).span.bytes, at: 0)
    try file.commit()
  }

  private static func header(rows: Int, _ extents: [Int], _ type: VectorType) -> [UInt8] {
    let shape = ([rows] + extents).map { "\($0)" }.joined(separator: ", ")
    let name = type == .f32 ? "<f4" : "<f2"
    let dictionary =
      "{'descr': '\(name)', 'fortran_order': False, 'shape': (\(shape)), }"
    let length = headerSize - 10
    let padding = String(repeating: " ", count: length - 1 - dictionary.utf8.count)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length), 0]
      + Array((dictionary + padding + "\n").utf8)
  }
}
