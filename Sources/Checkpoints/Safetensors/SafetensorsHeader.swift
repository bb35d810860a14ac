public import Bytes
public import Tensors

/// What a safetensors file says about its tensors, checked against the length of the file.
///
/// Source: the section "Format" of the README of huggingface/safetensors at 24b0b28. Each rule of
/// that page is enforced here and nowhere else; beyond it, JSON text holds at most
/// `JSON.maximumValues` values, which limits a header to some 100,000 tensors.
public struct SafetensorsHeader: Equatable, Sendable {
  /// The most header bytes that the format allows.
  public static let maximumSize = 100_000_000

  /// The strings under `__metadata__`.
  public let metadata: [String: String]
  /// In the order of their bytes in the file; tensors without bytes at one place by name.
  public let tensors: [Entry]
  /// The absolute offset of the first byte of tensor data. The JSON text begins at 8.
  public let dataOffset: Int

  /// One tensor.
  public struct Entry: Equatable, Sendable {
    public let name: String
    public let elementType: ElementType
    public let shape: Shape
    /// Absolute offsets in the file.
    public let range: Range<Int>
  }

  /// Reads the header from the beginning of a whole file.
  ///
  /// - Throws: `FormatError` naming the tensor, what was found and what is allowed.
  public init(parsing input: inout ByteReader) throws(FormatError) {
    let size = try input.read(UInt64.self, "header_size")
    let start = input.offset
    let text = try input.take(size, limit: Self.maximumSize, "header")
    // Recent releases of the reference also read white space here; the page says MUST.
    let first = text.byteCount > 0 ? unsafe text.unsafeLoad(fromByteOffset: 0, as: UInt8.self) : nil
    guard first == UInt8(ascii: "{") else {
      let found = first.map { "with byte 0x" + String($0, radix: 16) } ?? "at all, being empty"
      throw FormatError(
        .invalidField, "header does not begin \(found), '{' is required", at: start)
    }
    let json = try unsafe JSON(parsing: text._unsafeView(as: UInt8.self), origin: start)
    guard let object = json.object else {
      throw FormatError(.invalidField, "header is no JSON object", at: start)
    }
    let data = Data(offset: input.offset, count: input.remaining)
    metadata = try Self.metadata(object["__metadata__"], at: start)
    tensors = try data.tensors(in: object)
    dataOffset = data.offset
  }

  private static func metadata(
    _ json: JSON?, at offset: Int
  ) throws(FormatError) -> [String: String] {
    guard let json else { return [:] }
    guard let object = json.object else {
      throw FormatError(
        .invalidField, "__metadata__ is \(json.excerpt), an object of strings is required",
        at: offset)
    }
    var metadata: [String: String] = [:]
    for key in object.keys {
      guard let value = object[key]?.string else {
        let found = object[key]?.excerpt ?? "null"
        throw FormatError(
          .invalidField, "__metadata__ \(JSON.quoted(key)) is \(found), a string is required",
          at: offset)
      }
      metadata[key] = value
    }
    return metadata
  }
}

/// The part of the file behind the header.
private struct Data {
  /// Of its first byte in the file.
  var offset: Int
  var count: Int

  func tensors(in object: JSON.Object) throws(FormatError) -> [SafetensorsHeader.Entry] {
    var entries: [SafetensorsHeader.Entry] = []
    entries.reserveCapacity(object.count)
    for key in object.keys where key != "__metadata__" {
      do throws(FormatError) {
        entries.append(try entry(key, object[key] ?? .null))
      } catch {
        throw FormatError(error.code, error.reason, at: error.offset, tensor: key)
      }
    }
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound, $0.name)
        < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    try checkCoverage(entries)
    return entries
  }

  private func entry(_ name: String, _ json: JSON) throws(FormatError) -> SafetensorsHeader.Entry {
    guard let object = json.object else {
      throw FormatError(
        .invalidField,
        "is \(json.excerpt), an object with dtype, shape and data_offsets is required", at: 8)
    }
    let type = try elementType(member("dtype", of: object))
    let shape = try shape(member("shape", of: object))
    let (begin, end) = try offsets(member("data_offsets", of: object))
    guard begin <= end else {
      throw FormatError(
        .invalidField, "data_offsets begin at \(begin) and end before, at \(end)", at: 8)
    }
    let (bits, overflow) = shape.count.multipliedReportingOverflow(by: type.bits)
    guard !overflow else {
      throw FormatError(
        .invalidField, "\(type.rawValue) \(shape) takes more bits than \(Int.max)", at: 8)
    }
    guard bits % 8 == 0 else {
      throw FormatError(
        .invalidField,
        "\(type.rawValue) \(shape) takes \(bits) bits, which are no whole number of bytes", at: 8)
    }
    guard end <= count else {
      throw FormatError(
        .truncated, "data_offsets end at \(end), the file has \(count) bytes of data",
        at: offset + count)
    }
    guard end - begin == bits / 8 else {
      throw FormatError(
        .inconsistent,
        "data_offsets [\(begin), \(end)] span \(end - begin) bytes, "
          + "\(type.rawValue) \(shape) takes \(bits / 8)", at: offset + begin)
    }
    return SafetensorsHeader.Entry(
      name: name, elementType: type, shape: shape, range: offset + begin..<offset + end)
  }

  private func member(_ key: String, of object: JSON.Object) throws(FormatError) -> JSON {
    guard let value = object[key] else {
      throw FormatError(.invalidField, "\(key) is missing", at: 8)
    }
    return value
  }

  private func elementType(_ json: JSON) throws(FormatError) -> ElementType {
    guard let type = json.string.flatMap(ElementType.init) else {
      let allowed = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw FormatError(
        .invalidField, "dtype is \(json.excerpt), one of \(allowed) is required", at: 8)
    }
    return type
  }

  private func shape(_ json: JSON) throws(FormatError) -> Shape {
    let extents = try naturals(json, "shape")
    guard let shape = Shape(extents) else {
      throw FormatError(
        .invalidField, "shape \(json.excerpt) has more than \(Int.max) elements", at: 8)
    }
    return shape
  }

  private func offsets(_ json: JSON) throws(FormatError) -> (Int, Int) {
    let pair = try naturals(json, "data_offsets")
    guard pair.count == 2 else {
      throw FormatError(
        .invalidField, "data_offsets are \(pair.count) numbers, 2 are required", at: 8)
    }
    return (pair[0], pair[1])
  }

  private func naturals(_ json: JSON, _ field: String) throws(FormatError) -> [Int] {
    guard let elements = json.array else {
      throw FormatError(.invalidField, "\(field) is \(json.excerpt), an array is required", at: 8)
    }
    var numbers: [Int] = []
    for (index, element) in elements.enumerated() {
      guard let number = element.int, number >= 0 else {
        throw FormatError(
          .invalidField,
          "\(field)[\(index)] is \(element.excerpt), a whole number from 0 to \(Int.max) is "
            + "required",
          at: 8)
      }
      numbers.append(number)
    }
    return numbers
  }

  /// Each byte of data belongs to one tensor: else a file could be two things to two programs.
  private func checkCoverage(_ entries: [SafetensorsHeader.Entry]) throws(FormatError) {
    var end = offset
    var last = ""
    for entry in entries {
      let begin = entry.range.lowerBound
      guard begin >= end else {
        throw FormatError(
          .inconsistent,
          "data_offsets begin at \(begin - offset), \(JSON.quoted(last)) ends at \(end - offset)",
          at: begin, tensor: entry.name)
      }
      guard begin == end else {
        throw FormatError(
          .inconsistent,
          "data_offsets begin at \(begin - offset), the bytes from \(end - offset) on belong to no "
            + "tensor", at: end, tensor: entry.name)
      }
      end = entry.range.upperBound
      last = entry.name
    }
    guard end == offset + count else {
      throw FormatError(
        .inconsistent,
        "the tensors end at \(end - offset), the file has \(count) bytes of data", at: end)
    }
  }
}
