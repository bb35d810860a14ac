internal import Bytes
internal import SystemPackage

/// Writes columns of texts as a Parquet file: one row group, not compressed, no value missing. The
/// file appears whole or not at all.
///
/// Source: apache/parquet-format, parquet.thrift and Encodings.md ("PLAIN").
struct ParquetWriter: ~Copyable {
  /// Rows of a page, so that none comes near the 2 GiB that its header can tell of.
  private static let pageRows = 10_000

  private struct Column {
    let name: String
    /// Of the current page: each value with its length before it.
    var page: [UInt8] = []
    /// Finished pages, each with its header.
    var pages: [UInt8] = []
  }

  private var columns: [Column]
  private(set) var rows = 0
  private var pageRows = 0

  init(columns: [String]) { self.columns = columns.map { Column(name: $0) } }

  /// - Precondition: a text for each column.
  mutating func append(_ row: [String]) {
    precondition(row.count == columns.count, "\(row.count) values for \(columns.count) columns")
    for (index, text) in row.enumerated() {
      let length = UInt32(clamping: text.utf8.count)
      columns[index].page += (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
      columns[index].page += text.utf8
    }
    rows += 1
    pageRows += 1
    if pageRows == Self.pageRows { endPage() }
  }

  private mutating func endPage() {
    guard pageRows > 0 else { return }
    for index in columns.indices {
      let size = Int32(clamping: columns[index].page.count)
      var header = ThriftWriter()
      header.structure { page in
        page.field(1, Int32(0))  // DATA_PAGE
        page.field(2, size)
        page.field(3, size)
        page.field(5) { data in
          data.field(1, Int32(clamping: pageRows))
          data.field(2, Int32(0))  // PLAIN
          data.field(3, Int32(3))  // RLE, of levels of which there are none
          data.field(4, Int32(3))
        }
      }
      columns[index].pages += header.bytes + columns[index].page
      columns[index].page = []
    }
    pageRows = 0
  }

  /// Writes the file, which `commit` then gives its name.
  ///
  /// - Parameter metadata: of the whole file, by key.
  consuming func finish(
    _ path: FilePath, metadata: [(key: String, value: String)]
  ) throws(FileError) -> AtomicFile {
    endPage()
    let magic = Array("PAR1".utf8)
    var file = try AtomicFile(replacing: path, mayReplaceInput: true)
    try unsafe file.append(magic.span.bytes)
    var offsets: [Int] = []
    for column in columns {
      offsets.append(file.count)
      try unsafe file.append(column.pages.span.bytes)
    }
    let footer = Self.footer(columns, offsets, rows, metadata)
    try unsafe file.append(footer.span.bytes)
    let length = UInt32(clamping: footer.count)
    let end = (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + magic
    try unsafe file.append(end.span.bytes)
    return file
  }

  private static func footer(
    _ columns: [Column], _ offsets: [Int], _ rows: Int, _ metadata: [(key: String, value: String)]
  ) -> [UInt8] {
    var footer = ThriftWriter()
    footer.structure { file in
      file.field(1, Int32(1))
      file.list(2, of: .structure, count: columns.count + 1) { list in
        list.structure { root in
          root.field(4, "schema")
          root.field(5, Int32(clamping: columns.count))
        }
        for column in columns {
          list.structure { leaf in
            leaf.field(1, Int32(6))  // BYTE_ARRAY
            leaf.field(3, Int32(0))  // REQUIRED
            leaf.field(4, column.name)
            leaf.field(6, Int32(0))  // UTF8
          }
        }
      }
      file.field(3, Int64(rows))
      file.list(4, of: .structure, count: 1) { list in
        list.structure { group in
          group.list(1, of: .structure, count: columns.count) { chunks in
            for (column, offset) in zip(columns, offsets) {
              chunks.structure { describe(column, at: offset, rows, in: &$0) }
            }
          }
          group.field(2, Int64(columns.reduce(0) { $0 + $1.pages.count }))
          group.field(3, Int64(rows))
        }
      }
      file.list(5, of: .structure, count: metadata.count) { list in
        for (key, value) in metadata {
          list.structure { pair in
            pair.field(1, key)
            pair.field(2, value)
          }
        }
      }
      file.field(6, "clip-pack")
    }
    return footer.bytes
  }

  /// A ColumnChunk.
  private static func describe(
    _ column: Column, at offset: Int, _ rows: Int, in chunk: inout ThriftWriter
  ) {
    chunk.field(2, Int64(offset))
    chunk.field(3) { data in
      data.field(1, Int32(6))  // BYTE_ARRAY
      data.list(2, of: .int32, count: 2) { encodings in
        encodings.zigzag(0)  // PLAIN
        encodings.zigzag(3)  // RLE
      }
      data.list(3, of: .binary, count: 1) { $0.append(column.name) }
      data.field(4, Int32(0))  // UNCOMPRESSED
      data.field(5, Int64(rows))
      data.field(6, Int64(column.pages.count))
      data.field(7, Int64(column.pages.count))
      data.field(9, Int64(offset))
    }
  }
}
