/// Thrift's compact protocol, as far as Parquet's footer needs it.
///
/// Source: apache/thrift, doc/specs/thrift-compact-protocol.md.
struct ThriftWriter {
  enum Kind: UInt8 {
    case int32 = 5
    case int64 = 6
    case binary = 8
    case list = 9
    case structure = 12
  }

  private(set) var bytes: [UInt8] = []
  /// The last field of each structure that is open.
  private var last: [Int] = [0]

  mutating func field(_ id: Int, _ value: Int32) {
    begin(id, .int32)
    zigzag(Int64(value))
  }

  mutating func field(_ id: Int, _ value: Int64) {
    begin(id, .int64)
    zigzag(value)
  }

  mutating func field(_ id: Int, _ value: String) {
    begin(id, .binary)
    append(value)
  }

  mutating func field(_ id: Int, _ body: (inout ThriftWriter) -> Void) {
    begin(id, .structure)
    structure(body)
  }

  /// A list; `body` writes its elements with `append`, `zigzag` or `structure`.
  mutating func list(
    _ id: Int, of kind: Kind, count: Int, _ body: (inout ThriftWriter) -> Void
  ) {
    begin(id, .list)
    if count < 15 {
      bytes.append(UInt8(count) << 4 | kind.rawValue)
    } else {
      bytes.append(0xf0 | kind.rawValue)
      varint(UInt64(count))
    }
    body(&self)
  }

  /// A structure that is no field: an element, or the whole.
  mutating func structure(_ body: (inout ThriftWriter) -> Void) {
    last.append(0)
    body(&self)
    last.removeLast()
    bytes.append(0)
  }

  mutating func append(_ text: String) {
    varint(UInt64(text.utf8.count))
    bytes += text.utf8
  }

  mutating func zigzag(_ value: Int64) {
    varint(UInt64(bitPattern: value << 1 ^ value >> 63))
  }

  private mutating func begin(_ id: Int, _ kind: Kind) {
    let step = id - last[last.count - 1]
    precondition(1...15 ~= step, "field \(id) after \(last[last.count - 1])")
    bytes.append(UInt8(step) << 4 | kind.rawValue)
    last[last.count - 1] = id
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest > 0x7f {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
