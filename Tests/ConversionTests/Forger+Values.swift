import Bytes
import PackFormat
import Tensors

extension Forger.Item {
  func write(to writer: inout PackWriter) throws {
    guard let tensor else {
      return try writer.add(section: name, Buffer(streams[0]), isRequired: isRequired)
    }
    var index = 0
    try writer.add(
      tensor.mapParts { part in
        defer { index += 1 }
        return StreamContent(
          role: part.role, elementType: part.elementType, bytes: Buffer(streams[index]))
      })
  }

  /// Whether its rows are heads of an attention.
  var isProjectionOfHeads: Bool {
    tensor != nil && (name.hasSuffix("q_proj.weight") || name.hasSuffix("v_proj.weight"))
  }

  /// Of what the first stream holds, in bytes.
  var codeSize: Int { tensor!.content.parts[0].elementType.bits / 8 }

  /// Changes a code, or a value, by its byte offset.
  mutating func changeCode(at start: Int, _ change: (Double) -> Double) {
    switch tensor!.content.parts[0].elementType {
    case .int8:
      let old = Double(Int8(bitPattern: streams[0][start]))
      streams[0][start] = UInt8(bitPattern: Int8(max(-127, min(127, change(old)))))
    case .int16:
      let old = Int16(bitPattern: UInt16(streams[0][start]) | UInt16(streams[0][start + 1]) << 8)
      // Wide codes have small steps; a change is to be seen.
      let new = UInt16(bitPattern: Int16(max(-32_767, min(32_767, change(Double(old))))))
      streams[0][start] = UInt8(truncatingIfNeeded: new)
      streams[0][start + 1] = UInt8(truncatingIfNeeded: new >> 8)
    case .float32:
      streams[0].changeFloat(at: start) { Float(change(Double($0))) }
    default:
      // Halves: another exponent.
      streams[0][start + 1] ^= 0x48
    }
  }

  mutating func changeCodes(of row: Int, _ change: (Double) -> Double) {
    let size = tensor!.columns * codeSize
    for start in stride(from: row * size, to: (row + 1) * size, by: codeSize) {
      changeCode(at: start, change)
    }
  }

  /// With their steps, so that each row keeps its values.
  mutating func exchangeRows(_ first: Int, _ second: Int) {
    for stream in streams.indices {
      let size = streams[stream].count / tensor!.rows
      for offset in 0..<size {
        streams[stream].swapAt(first * size + offset, second * size + offset)
      }
    }
  }
}

extension [UInt8] {
  /// Changes a little-endian float32.
  mutating func changeFloat(at start: Int, _ change: (Float) -> Float) {
    var bits: UInt32 = 0
    for byte in 0..<4 { bits |= UInt32(self[start + byte]) << (8 * byte) }
    bits = change(Float(bitPattern: bits)).bitPattern
    for byte in 0..<4 { self[start + byte] = UInt8(truncatingIfNeeded: bits >> (8 * byte)) }
  }
}

extension JSON {
  /// Of every value inside, by keys and indices.
  var paths: [[String]] {
    if let object {
      return object.keys.flatMap { key in
        [[key]] + (object[key]?.paths ?? []).map { [key] + $0 }
      }
    }
    return (array ?? []).enumerated().flatMap { index, value in
      [["\(index)"]] + value.paths.map { ["\(index)"] + $0 }
    }
  }

  var isLeaf: Bool { object == nil && array == nil }

  func value(at path: [String]) -> JSON? {
    path.reduce(self as JSON?) { value, key in
      guard let list = value?.array else { return value?[key] }
      return Int(key).flatMap { list.indices.contains($0) ? list[$0] : nil }
    }
  }

  func replacing(_ path: ArraySlice<String>, with new: JSON) -> JSON {
    guard let key = path.first else { return new }
    if var object {
      object[key] = (object[key] ?? .null).replacing(path.dropFirst(), with: new)
      return .object(object)
    }
    var list = array ?? []
    if let index = Int(key) { list[index] = list[index].replacing(path.dropFirst(), with: new) }
    return .array(list)
  }

  /// Another value of the same kind.
  func changed(by amount: Int) -> JSON {
    switch self {
    case .bool(let value): .bool(!value)
    case .integer(let value): .integer(value + amount)
    case .number(let value): .number(value * (1 + Double(amount) / 8) + 1e-3)
    case .string(let value): .string(["gelu", "silu", value + "x"][amount - 1])
    default: .integer(amount)
    }
  }
}
