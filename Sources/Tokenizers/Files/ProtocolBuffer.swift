internal import Bytes

/// The fields of one message of a protocol buffer, one after the other.
struct ProtocolBuffer {
  /// Indices are offsets in the file.
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// A field with its value.
  struct Field {
    var number: UInt64
    var offset: Int
    var value: Value
  }

  /// The values of the wire types 0, 1, 2 and 5.
  enum Value {
    case varint(UInt64)
    case fixed64
    case delimited(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }

  /// The next field; `nil` at the end.
  ///
  /// - Throws: `truncated` where the message ends within it, `invalidField` for a wire type that is
  ///   not known.
  mutating func next() throws(FormatError) -> Field? {
    guard position < bytes.endIndex else { return nil }
    let offset = position
    let key = try varint()
    let number = key >> 3
    switch key & 7 {
    case 0: return Field(number: number, offset: offset, value: .varint(try varint()))
    case 1:
      _ = try take(8, offset)
      return Field(number: number, offset: offset, value: .fixed64)
    case 2:
      let size = try varint()
      return Field(number: number, offset: offset, value: .delimited(try take(size, offset)))
    case 5:
      let value = try take(4, offset).reversed().reduce(0) { $0 << 8 | UInt32($1) }
      return Field(number: number, offset: offset, value: .fixed32(value))
    case let type:
      throw FormatError(
        .invalidField, "field \(number) has the wire type \(type), 0, 1, 2 and 5 are known",
        at: offset)
    }
  }

  private mutating func varint() throws(FormatError) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      guard position < bytes.endIndex else {
        throw FormatError(.truncated, "the message ends within a number", at: start)
      }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw FormatError(.invalidField, "a number takes more than 10 bytes", at: start)
  }

  private mutating func take(
    _ count: UInt64, _ offset: Int
  ) throws(FormatError) -> ArraySlice<UInt8> {
    guard count <= UInt64(bytes.endIndex - position) else {
      throw FormatError(
        .truncated, "a field takes \(count) bytes, \(bytes.endIndex - position) are left",
        at: offset)
    }
    defer { position += Int(count) }
    return bytes[position..<position + Int(count)]
  }
}

extension ProtocolBuffer.Field {
  func message(_ name: String) throws(FormatError) -> ProtocolBuffer {
    ProtocolBuffer(try bytes(name))
  }

  func bytes(_ name: String) throws(FormatError) -> ArraySlice<UInt8> {
    guard case .delimited(let bytes) = value else { throw unexpected(name, "bytes") }
    return bytes
  }

  func integer(_ name: String) throws(FormatError) -> UInt64 {
    guard case .varint(let value) = value else { throw unexpected(name, "a number") }
    return value
  }

  func float(_ name: String) throws(FormatError) -> Float {
    guard case .fixed32(let bits) = value else { throw unexpected(name, "a float") }
    return Float(bitPattern: bits)
  }

  private func unexpected(_ name: String, _ wanted: String) -> FormatError {
    FormatError(.invalidField, "\(name) is not \(wanted)", at: offset)
  }
}
