internal import CKernels
public import Concurrency

/// Codes of a matrix in the order in which products take them: panels of 32 rows, and in each the
/// first word of 4 codes of every row, then the second, …; `[⌈rows / 32⌉, ⌈columns / 4⌉, 32, 4]`.
/// Rows and columns that are missing are zero.
///
/// Specification: `Formats/clippack.md`, section 5.3.
public enum CodePanels {
  /// The rows of a panel.
  public static let height = Int(CK_PANEL)

  /// What a matrix takes, `nil` where that overflows.
  public static func byteCount(rows: Int, columns: Int) -> Int? {
    let panels = rows / height + (rows % height == 0 ? 0 : 1)
    let words = columns / 4 + (columns % 4 == 0 ? 0 : 1)
    let (words4, first) = words.multipliedReportingOverflow(by: 4 * height)
    let (bytes, second) = words4.multipliedReportingOverflow(by: panels)
    return first || second ? nil : bytes
  }

  /// How many codes of a matrix whole panels hold, at most as many as given; `nil` where not one
  /// panel does.
  public static func blockSize(columns: Int, atMost largest: Int) -> Int? {
    guard 1...largest / height ~= columns else { return nil }
    let panel = height * columns
    return largest / panel * panel
  }

  /// panels = codes
  ///
  /// - Parameters:
  ///   - codes: `[rows, columns]`, row-major.
  ///   - panels: `byteCount` bytes.
  public static func pack(
    _ codes: RawSpan, rows: Int, columns: Int, into panels: inout MutableRawSpan,
    using isa: InstructionSet = .widest
  ) {
    precondition(codes.byteCount == rows * columns, "\(codes.byteCount) codes: \(rows)×\(columns)")
    check(panels.byteCount, rows, columns)
    unsafe panels.withUnsafeMutableBytes { panels in
      unsafe codes.withUnsafeBytes { codes in
        guard let codes = codes.baseAddress, let panels = panels.baseAddress else { return }
        unsafe ck_pack_codes(
          panels.assumingMemoryBound(to: Int8.self), codes.assumingMemoryBound(to: Int8.self), rows,
          columns, isa.c)
      }
    }
  }

  /// codes = panels
  public static func unpack(
    _ panels: RawSpan, rows: Int, columns: Int, into codes: inout MutableRawSpan
  ) {
    precondition(codes.byteCount == rows * columns, "\(codes.byteCount) codes: \(rows)×\(columns)")
    check(panels.byteCount, rows, columns)
    unsafe codes.withUnsafeMutableBytes { codes in
      unsafe panels.withUnsafeBytes { panels in
        guard let codes = codes.baseAddress, let panels = panels.baseAddress else { return }
        unsafe ck_unpack_codes(
          codes.assumingMemoryBound(to: Int8.self), panels.assumingMemoryBound(to: Int8.self), 0,
          rows, columns)
      }
    }
  }

  /// The sum of the codes of each row.
  public static func rowSums(
    _ panels: RawSpan, rows: Int, columns: Int, on pool: WorkerPool,
    using isa: InstructionSet = .widest
  ) -> [Int32] {
    check(panels.byteCount, rows, columns)
    guard rows > 0, columns > 0 else { return Array(repeating: 0, count: rows) }
    return unsafe [Int32](unsafeUninitializedCapacity: rows) { sums, count in
      unsafe panels.withUnsafeBytes { panels in
        nonisolated(unsafe) let sums = sums.baseAddress!
        nonisolated(unsafe) let panels = unsafe panels.baseAddress!.assumingMemoryBound(
          to: Int8.self)
        // Some 10 µs of work a share.
        let share = max(1, (1 << 19) / (height * columns)) * height
        let stride = ck_panel_bytes(columns) / height
        pool.run((rows + share - 1) / share) { index in
          let first = index * share
          unsafe ck_sum_codes(
            sums + first, panels + first * stride, min(share, rows - first), columns, isa.c)
        }
      }
      count = rows
    }
  }

  /// Whether what stands for missing rows and columns is zero.
  public static func isPaddingZero(_ panels: RawSpan, rows: Int, columns: Int) -> Bool {
    check(panels.byteCount, rows, columns)
    let (words, panelRows) = ((columns + 3) / 4, (rows + height - 1) / height * height)
    func isZero(row: Int, word: Int, from byte: Int) -> Bool {
      let start = ((row / height * words + word) * height + row % height) * 4
      return (byte..<4).allSatisfy {
        unsafe panels.unsafeLoad(fromByteOffset: start + $0, as: UInt8.self) == 0
      }
    }
    let areRowsZero = (rows..<panelRows).allSatisfy { row in
      (0..<words).allSatisfy { isZero(row: row, word: $0, from: 0) }
    }
    guard columns % 4 != 0 else { return areRowsZero }
    return areRowsZero
      && (0..<rows).allSatisfy { isZero(row: $0, word: words - 1, from: columns % 4) }
  }

  private static func check(_ bytes: Int, _ rows: Int, _ columns: Int) {
    precondition(
      bytes == byteCount(rows: rows, columns: columns),
      "\(bytes) bytes: panels of \(rows)×\(columns)")
  }
}
