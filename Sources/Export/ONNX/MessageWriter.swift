/// A message of Protocol Buffers, field after field.
///
/// Source: the encoding document of Protocol Buffers. Fields of ONNX's messages need no more than
/// three of its wire types.
struct MessageWriter {
  private(set) var bytes: [UInt8] = []

  private enum WireType: UInt64 {
    case varint = 0
    case lengthDelimited = 2
    case fixed32 = 5
  }

  private mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func append(key field: Int, _ type: WireType) {
    append(varint: UInt64(field) << 3 | type.rawValue)
  }

  /// An `int64`, `int32` or enumeration.
  mutating func append(_ field: Int, _ value: Int) {
    append(key: field, .varint)
    append(varint: UInt64(bitPattern: Int64(value)))
  }

  mutating func append(_ field: Int, float value: Float) {
    append(key: field, .fixed32)
    for shift in stride(from: 0, to: 32, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(shift)))
    }
  }

  mutating func append(_ field: Int, _ text: String) {
    append(field, bytes: Array(text.utf8))
  }

  mutating func append(_ field: Int, _ message: MessageWriter) {
    append(field, bytes: message.bytes)
  }

  private mutating func append(_ field: Int, bytes content: [UInt8]) {
    beginContent(of: field, count: content.count)
    bytes += content
  }

  /// The key and length of a field whose content of `count` bytes follows elsewhere.
  mutating func beginContent(of field: Int, count: Int) {
    append(key: field, .lengthDelimited)
    append(varint: UInt64(count))
  }
}
