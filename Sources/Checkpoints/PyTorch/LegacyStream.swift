internal import Bytes
internal import Tensors

/// A file of PyTorch before 1.6: five pickles, then the storages one after the other.
///
/// Source: torch/serialization.py, `_legacy_save`.
struct LegacyStream: TorchStorages {
  let tree: PickleTree
  private let ranges: [String: Range<Int>]

  /// The integer 0x1950A86A20F9469CFC6C as a pickle has it, and its end.
  private static let magic: [UInt8] = [
    0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
  ]

  /// Whether a file begins with that integer, in any protocol.
  static func isLegacy(_ file: RawSpan) -> Bool {
    guard file.byteCount > 32, file[0] == 0x80 else { return false }
    // Protocols from 4 on have a frame of 9 bytes before it.
    return [2, 11].contains { file.extracting($0..<$0 + magic.count).elementsEqual(magic) }
  }

  init(parsing file: Buffer) throws(FormatError) {
    var offset = try PickleReader.tree(of: file, 0..<file.count).end
    let (version, behindVersion) = try PickleReader.tree(of: file, offset..<file.count)
    guard version.root == .integer(1001) else {
      throw FormatError(
        .unsupported, "the protocol is \(version.kind(version.root)), 1001 is read", at: offset)
    }
    let (system, behindSystem) = try PickleReader.tree(of: file, behindVersion..<file.count)
    let isLittle = system.members(system.root)?.contains {
      system.text($0.key) == "little_endian" && $0.value == .bool(true)
    }
    guard isLittle == true else {
      throw FormatError(
        .unsupported, "the file was not written on a little-endian machine", at: behindVersion)
    }
    let (tree, behindTree) = try PickleReader.tree(of: file, behindSystem..<file.count)
    let (keys, behindKeys) = try PickleReader.tree(of: file, behindTree..<file.count)
    offset = behindKeys
    self.tree = tree
    ranges = try Self.ranges(keys, tree, file.bytes, &offset)
    guard offset == file.count else {
      throw FormatError(
        .inconsistent, "the file has \(file.count - offset) bytes behind its last storage",
        at: offset)
    }
  }

  /// For each key in the order of the list: the number of elements as int64, and the elements.
  private static func ranges(
    _ keys: PickleTree, _ tree: PickleTree, _ file: RawSpan, _ offset: inout Int
  ) throws(FormatError) -> [String: Range<Int>] {
    var storages: [String: PickledStorage] = [:]
    for case .storage(let storage) in tree.nodes { storages[storage.key] = storage }
    guard let list = keys.elements(keys.root) else {
      throw FormatError(.invalidField, "no list of storages follows the model", at: offset)
    }
    var ranges: [String: Range<Int>] = [:]
    for element in list {
      guard let key = keys.text(element), let storage = storages[key], ranges[key] == nil else {
        throw FormatError(
          .inconsistent,
          "the list of storages names \(keys.kind(element)), which the model does not use or which "
            + "it names twice", at: offset)
      }
      var input = ByteReader(file.extracting(offset..<file.byteCount), origin: offset)
      let count = try input.read(UInt64.self, "number of elements")
      guard count == UInt64(storage.wholeCount), let size = storage.type.byteCount else {
        throw FormatError(
          .inconsistent,
          "storage \(JSON.quoted(key)) has \(count) elements here and \(storage.wholeCount) in the "
            + "model, or is of a type that is not read", at: offset)
      }
      let (total, overflow) = count.multipliedReportingOverflow(by: UInt64(size))
      _ = try input.take(overflow ? .max : total, limit: .max, "storage")
      ranges[key] = offset + 8..<input.offset
      offset = input.offset
    }
    return ranges
  }

  func range(of key: String, byteCount: Int) throws(FormatError) -> Range<Int> {
    guard let range = ranges[key], range.count == byteCount else {
      throw FormatError(
        .inconsistent, "has its elements in the storage \(JSON.quoted(key)), which is not there")
    }
    return range
  }

  func checksum(of key: String) -> UInt32? { nil }
}

extension StorageType {
  /// Of one element; `nil` for a type that is not read.
  fileprivate var byteCount: Int? {
    switch self {
    case .elements(let type): type.bits / 8
    case .untyped: 1
    case .other(let name): Self.otherSizes[name]
    }
  }

  /// Of types that old files may hold beside a model.
  private static let otherSizes = [
    "ComplexDoubleStorage": 16, "QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4,
  ]
}
