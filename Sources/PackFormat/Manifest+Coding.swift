internal import Architecture
internal import Bytes
internal import Tensors

/// The first byte of an item.
private enum Kind: UInt8 {
  case section = 1
  case tensor = 2
}

private enum Flags {
  /// Of a section: whoever does not know it must refuse the pack. Of a tensor: part of the model.
  static let required: UInt8 = 1
}

/// Bounds that keep a hostile index harmless; real packs stay far below them.
private enum Limits {
  static let nameBytes = PackWriter.longestName
  static let rank = PackWriter.highestRank
  static let streams = 16
}

extension Manifest {
  /// Reads items until the bytes end.
  init(parsing input: inout ByteReader, blockSize: Int) throws(FormatError) {
    while input.remaining > 0 {
      let at = input.offset
      let kind: UInt8 = try input.read("kind")
      switch Kind(rawValue: kind) {
      case .section:
        items.append(.section(try Section(parsing: &input, blockSize: blockSize)))
      case .tensor:
        items.append(.tensor(try PackedTensor(parsing: &input, blockSize: blockSize)))
      case nil:
        throw FormatError(
          .unsupported, "kind is \(kind), 1 (section) or 2 (tensor) are known", at: at)
      }
    }
  }

  var encoded: [UInt8] {
    var output = ByteWriter()
    for item in items {
      switch item {
      case .section(let section):
        output.append(Kind.section.rawValue)
        section.encode(into: &output)
      case .tensor(let tensor):
        output.append(Kind.tensor.rawValue)
        tensor.encode(into: &output)
      }
    }
    return output.bytes
  }
}

extension Manifest.Section {
  fileprivate init(parsing input: inout ByteReader, blockSize: Int) throws(FormatError) {
    isRequired = try input.flags("flags") & Flags.required != 0
    name = try input.name()
    let at = input.offset
    stream = try Stream(parsing: &input, columns: nil, blockSize)
    guard stream.role == Stream.Role.values.rawValue, stream.elementType == .uint8 else {
      throw FormatError(
        .inconsistent,
        "section \"\(name)\" is a stream of role \(stream.role) and "
          + "\(stream.elementType.rawValue), role 0 and U8 are needed", at: at)
    }
  }

  fileprivate func encode(into output: inout ByteWriter) {
    output.append(isRequired ? Flags.required : 0)
    output.append(name: name)
    stream.encode(into: &output)
  }
}

extension PackedTensor {
  fileprivate init(parsing input: inout ByteReader, blockSize: Int) throws(FormatError) {
    let isModel = try input.flags("flags") & Flags.required != 0
    let name = try input.name()
    var at = input.offset
    let tower: UInt8 = try input.read("tower")
    guard tower <= 2 else {
      throw FormatError(
        .invalidField, "tower is \(tower), 0 (both), 1 (image) or 2 (text) are allowed", at: at)
    }
    let codec: UInt8 = try input.read("codec")
    let elementType = try input.elementType()
    let shape = try input.shape()
    // All but the streams, which are read next: how many columns a row has, they must know.
    let empty = PackedTensor(
      name: name, tower: tower == 0 ? nil : tower == 1 ? .image : .text, isModel: isModel,
      elementType: elementType, shape: shape, content: .unknown(codec: codec, []))
    at = input.offset
    let count: UInt8 = try input.read("stream_count")
    guard 1...Limits.streams ~= Int(count) else {
      throw FormatError(
        .invalidField, "stream_count is \(count), 1 to \(Limits.streams) are allowed", at: at)
    }
    var streams: [Stream] = []
    for _ in 0..<count {
      streams.append(try Stream(parsing: &input, columns: empty.columns, blockSize))
    }
    self = empty
    content = try parts(codec, streams, at: at)
  }

  /// What the streams are by a codec, which demands some of them.
  private func parts(
    _ codec: UInt8, _ streams: [Stream], at offset: Int
  ) throws(FormatError) -> TensorContent<Stream> {
    switch TensorContent<Stream>.Codec(rawValue: codec) {
    case .plain:
      let narrow = streams[0].elementType
      guard
        narrow == elementType
          || elementType == .float32 && (narrow == .float16 || narrow == .bfloat16)
      else {
        throw FormatError(
          .inconsistent, "values of \(narrow.rawValue) do not widen to \(elementType.rawValue)",
          at: offset, tensor: name)
      }
      try check(streams, codec, [(.values, narrow.byteCount(of: shape.count))], at: offset)
      return .plain(streams[0])
    case .grid:
      let codes = streams[0].elementType
      guard elementType == .float32, codes == .int8 || codes == .int16,
        streams.count < 2 || streams[1].elementType == .float32
      else {
        throw FormatError(
          .inconsistent, "a grid is made of I8 or I16 codes and F32 steps, and decodes to F32",
          at: offset, tensor: name)
      }
      try check(
        streams, codec,
        [
          (.codes, codes.byteCount(of: shape.count)),
          (.steps, ElementType.float32.byteCount(of: rows)),
        ], at: offset)
      return .grid(codes: streams[0], steps: streams[1])
    case nil: return .unknown(codec: codec, streams)
    }
  }

  private func check(
    _ streams: [Stream], _ codec: UInt8, _ expected: [(Stream.Role, Int?)], at offset: Int
  ) throws(FormatError) {
    guard streams.count == expected.count else {
      throw FormatError(
        .inconsistent, "codec \(codec) has \(expected.count) streams, \(streams.count) are here",
        at: offset, tensor: name)
    }
    for (stream, (role, size)) in zip(streams, expected) {
      guard stream.role == role.rawValue, stream.size == size else {
        throw FormatError(
          .inconsistent,
          "stream of role \(stream.role) and \(stream.size) bytes stands where role "
            + "\(role.rawValue) and \(size.map(String.init) ?? "no") bytes are needed for "
            + "\(shape)", at: offset, tensor: name)
      }
    }
  }

  fileprivate func encode(into output: inout ByteWriter) {
    output.append(isModel ? Flags.required : 0)
    output.append(name: name)
    output.append(UInt8(tower == nil ? 0 : tower == .image ? 1 : 2))
    output.append(content.codec)
    output.append(elementType.packCode)
    output.append(UInt8(shape.extents.count))
    for extent in shape.extents { output.append(UInt64(extent)) }
    output.append(UInt8(streams.count))
    for stream in streams { stream.encode(into: &output) }
  }
}

extension Stream {
  fileprivate init(
    parsing input: inout ByteReader, columns: Int?, _ largestBlock: Int
  ) throws(FormatError) {
    let role: UInt8 = try input.read("role")
    let elementType = try input.elementType()
    let at = input.offset
    let size: UInt64 = try input.read("size")
    let (blocks, _) = size.quotientAndRemainder(dividingBy: UInt64(largestBlock))
    guard blocks < UInt64(input.remaining / Digest.size + 1) else {
      throw FormatError(
        .truncated,
        "stream of \(size) bytes has more block digests than the \(input.remaining) bytes that "
          + "are left can hold", at: at)
    }
    self.init(
      role: role, elementType, size: Int(size), columns: columns, largestBlock: largestBlock)
    for _ in 0..<blockCount { digests.append(try input.digest("digest")) }
  }

  fileprivate func encode(into output: inout ByteWriter) {
    output.append(role)
    output.append(elementType.packCode)
    output.append(UInt64(size))
    for digest in digests { output.append(digest.bytes) }
  }
}

extension ByteReader {
  fileprivate mutating func shape() throws(FormatError) -> Shape {
    var at = offset
    let rank: UInt8 = try read("rank")
    guard rank <= Limits.rank else {
      throw FormatError(
        .invalidField, "rank is \(rank), at most \(Limits.rank) is allowed", at: at)
    }
    at = offset
    var extents: [UInt64] = []
    for _ in 0..<rank { extents.append(try read("extent")) }
    // Without its zeros too: else the number of columns of a shape such as [0, 2⁶², 4] overflows.
    guard let shape = Shape(extents.map { Int(truncatingIfNeeded: $0) }),
      Shape(shape.extents.filter { $0 != 0 }) != nil
    else { throw FormatError(.invalidField, "shape \(extents) overflows", at: at) }
    return shape
  }

  fileprivate mutating func flags(_ field: StaticString) throws(FormatError) -> UInt8 {
    let at = offset
    let flags: UInt8 = try read(field)
    guard flags <= 1 else {
      throw FormatError(.invalidField, "flags is \(flags), 0 or 1 are allowed", at: at)
    }
    return flags
  }

  fileprivate mutating func name() throws(FormatError) -> String {
    let at = offset
    let count: UInt16 = try read("name_size")
    let bytes = try take(UInt64(count), limit: Limits.nameBytes, "name")
    guard count > 0, let name = String(validating: bytes.array, as: UTF8.self) else {
      throw FormatError(.invalidField, "name is empty or not UTF-8", at: at)
    }
    return name
  }

  fileprivate mutating func elementType() throws(FormatError) -> ElementType {
    let at = offset
    let code: UInt8 = try read("element_type")
    guard let type = ElementType(packCode: code) else {
      throw FormatError(.unsupported, "element_type \(code) is not known", at: at)
    }
    return type
  }
}

extension ByteWriter {
  fileprivate mutating func append(name: String) {
    let utf8 = Array(name.utf8)
    precondition(1...Limits.nameBytes ~= utf8.count, "a name of \(utf8.count) bytes")
    append(UInt16(utf8.count))
    append(utf8)
  }
}
