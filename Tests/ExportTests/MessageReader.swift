import Bytes
import SystemPackage

/// A message of Protocol Buffers, read without a schema: the writer's opposite.
struct MessageReader {
  enum Field {
    case varint(UInt64)
    case fixed32(UInt32)
    case bytes(ArraySlice<UInt8>)
  }

  struct Damage: Error {
    var place: Int
  }

  let fields: [(number: Int, field: Field)]

  init(_ path: FilePath) throws {
    let file = try MappedFile(path)
    let bytes = file.bytes
    try self.init(bytes.array[...])
  }

  init(_ bytes: ArraySlice<UInt8>) throws {
    var rest = bytes
    func varint() throws -> UInt64 {
      var value: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 70, by: 7) {
        guard let byte = rest.popFirst(), shift < 64 else { throw Damage(place: rest.startIndex) }
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
      }
      throw Damage(place: rest.startIndex)
    }
    func take(_ count: Int) throws -> ArraySlice<UInt8> {
      guard count <= rest.count else { throw Damage(place: rest.startIndex) }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    var fields: [(number: Int, field: Field)] = []
    while !rest.isEmpty {
      let key = try varint()
      let number = Int(key >> 3)
      switch key & 7 {
      case 0: fields.append((number, .varint(try varint())))
      case 2: fields.append((number, .bytes(try take(Int(try varint())))))
      case 5:
        let value = try take(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        fields.append((number, .fixed32(value)))
      default: throw Damage(place: rest.startIndex)
      }
    }
    self.fields = fields
  }

  func integers(_ number: Int) -> [Int] {
    var values: [Int] = []
    for entry in fields where entry.number == number {
      if case .varint(let value) = entry.field { values.append(Int(Int64(bitPattern: value))) }
    }
    return values
  }

  func bytes(_ number: Int) -> [ArraySlice<UInt8>] {
    var values: [ArraySlice<UInt8>] = []
    for entry in fields where entry.number == number {
      if case .bytes(let bytes) = entry.field { values.append(bytes) }
    }
    return values
  }

  func strings(_ number: Int) -> [String] {
    bytes(number).map { String(decoding: $0, as: UTF8.self) }
  }

  func messages(_ number: Int) throws -> [MessageReader] {
    try bytes(number).map { try MessageReader($0) }
  }
}
