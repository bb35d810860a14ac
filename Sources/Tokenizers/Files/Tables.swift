internal import Bytes

/// The large tables of a tokenizer in a pack, one after the other in one section, all integers and
/// doubles little-endian.
///
/// The section `tokenizer` names each with its size, in the order of the file.
struct Tables {
  /// The names, which are those of `Formats/clippack.md`, section 7.1.
  enum Name: String, CaseIterable {
    case ids, lengths, pieces, scores, merges, charsmap
  }

  private(set) var bytes: [UInt8] = []
  private(set) var sizes = JSON.Object()

  init() {}

  mutating func append(_ name: Name, _ table: some Collection<UInt8>) {
    bytes += table
    sizes[name.rawValue] = .integer(table.count)
  }

  mutating func append<Value: FixedWidthInteger>(_ name: Name, integers: some Sequence<Value>) {
    var table: [UInt8] = []
    for value in integers {
      for byte in 0..<Value.bitWidth / 8 {
        table.append(UInt8(truncatingIfNeeded: value >> (8 * byte)))
      }
    }
    append(name, table)
  }
}

/// Where each table lies in the section.
struct TablePlaces {
  private var ranges: [Tables.Name: Range<Int>] = [:]

  /// - Parameter count: how many bytes the section has.
  /// - Throws: `unsupported` for a table that is not known, `inconsistent` where sizes do not add
  ///   up.
  init(parsing json: JSON?, count: Int) throws(FormatError) {
    guard let object = json?.object else {
      throw FormatError(.invalidField, "tables is missing or is not an object")
    }
    var offset = 0
    for key in object.keys {
      guard let name = Tables.Name(rawValue: key) else {
        throw FormatError(.unsupported, "the table \(JSON.string(key).excerpt) is not known")
      }
      guard let size = object[key]?.int, size >= 0, size <= count - offset else {
        throw FormatError(
          .inconsistent,
          "the table \"\(key)\" takes \((object[key] ?? .null).excerpt) bytes, "
            + "\(count - offset) are left")
      }
      ranges[name] = offset..<offset + size
      offset += size
    }
    guard offset == count else {
      throw FormatError(
        .inconsistent, "the tables take \(offset) bytes, there are \(count)")
    }
  }

  func has(_ name: Tables.Name) -> Bool { ranges[name] != nil }

  /// The bytes of a table.
  ///
  /// - Throws: `invalidField` where it is missing or is no whole number of elements.
  func range(_ name: Tables.Name, of size: Int = 1) throws(FormatError) -> Range<Int> {
    guard let range = ranges[name] else {
      throw FormatError(.invalidField, "the table \"\(name.rawValue)\" is missing")
    }
    guard range.count % size == 0 else {
      throw FormatError(
        .invalidField,
        "the table \"\(name.rawValue)\" takes \(range.count) bytes, a multiple of \(size) is needed"
      )
    }
    return range
  }

  /// The elements of a table.
  func values<Value: FixedWidthInteger & BitwiseCopyable>(
    _ name: Tables.Name, _: Value.Type, in bytes: RawSpan
  ) throws(FormatError) -> [Value] {
    let size = MemoryLayout<Value>.size
    let table = bytes.extracting(try range(name, of: size))
    let count = table.byteCount / size
    var values = unsafe [Value](unsafeUninitializedCapacity: count) { buffer, filled in
      unsafe table.withUnsafeBytes {
        unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0)
      }
      filled = count
    }
    if Value(littleEndian: 1) != 1 {
      for i in values.indices { values[i] = Value(littleEndian: values[i]) }
    }
    return values
  }
}
