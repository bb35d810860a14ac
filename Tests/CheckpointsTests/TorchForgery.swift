import Bytes
import Kernels

/// Bytes of pickles and zip archives, written instruction by instruction.
enum TorchForgery {
  // MARK: pickles

  static func number<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// BINUNICODE.
  static func text(_ text: String) -> [UInt8] {
    [0x58] + number(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  /// GLOBAL.
  static func global(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  /// LONG1 of eight bytes.
  static func integer(_ value: Int) -> [UInt8] { [0x8a, 8] + number(value) }

  static func tuple(_ elements: [[UInt8]]) -> [UInt8] { [0x28] + elements.flatMap(\.self) + [0x74] }

  static func integers(_ values: [Int]) -> [UInt8] { tuple(values.map(integer)) }

  /// A dictionary of texts.
  static func dictionary(_ members: [(String, [UInt8])]) -> [UInt8] {
    [0x7d, 0x28] + members.flatMap { text($0.0) + $0.1 } + [0x75]
  }

  static func storage(
    _ count: Int, key: String = "0", _ type: String = "FloatStorage", location: String = "cpu"
  ) -> [UInt8] {
    tuple([text("storage"), global("torch", type), text(key), text(location), integer(count)])
      + [0x51]
  }

  static func tensor(
    _ storage: [UInt8], offset: Int = 0, _ sizes: [Int], _ strides: [Int]
  ) -> [UInt8] {
    global("torch._utils", "_rebuild_tensor_v2")
      + tuple([
        storage, integer(offset), integers(sizes), integers(strides), [0x89],
        global("collections", "OrderedDict") + [0x29, 0x52],
      ]) + [0x52]
  }

  static func pickle(_ body: [UInt8]) -> [UInt8] { [0x80, 2] + body + [0x2e] }

  // MARK: archives

  struct Entry {
    var name: String
    var bytes: [UInt8]
    var method: UInt16 = 0
    var flags: UInt16 = 0
    /// The right one where `nil`.
    var checksum: UInt32?
    /// In the directory; the right one where `nil`.
    var size: UInt32?
    var offset: UInt32?
    /// In the local header, where it differs.
    var localName: String?
  }

  static func zip(_ entries: [Entry], behind: [UInt8] = []) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for entry in entries {
      let offset = UInt32(file.count)
      let checksum = unsafe entry.checksum ?? crc32(entry.bytes.span.bytes)
      let local = Array((entry.localName ?? entry.name).utf8)
      let size = UInt32(entry.bytes.count)
      let common = number(entry.flags) + number(entry.method) + number(UInt32(0))
      file += [0x50, 0x4b, 3, 4, 20, 0] + common + number(checksum) + number(size) + number(size)
      file += number(UInt16(local.count)) + [0, 0] + local + entry.bytes
      let name = Array(entry.name.utf8)
      directory += [0x50, 0x4b, 1, 2, 20, 0, 20, 0] + common + number(checksum)
      directory += number(entry.size ?? size) + number(entry.size ?? size)
      directory += number(UInt16(name.count)) + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      directory += number(entry.offset ?? offset) + name
    }
    let count = number(UInt16(entries.count))
    let end = [0x50, 0x4b, 5, 6, 0, 0, 0, 0] + count + count + number(UInt32(directory.count))
    return file + directory + end + number(UInt32(file.count)) + [0, 0] + behind
  }

  /// An archive with a pickle and storages of float32.
  static func archive(
    _ pickle: [UInt8], storages: [String: Int] = ["0": 6], more: [Entry] = []
  ) -> [UInt8] {
    let data = storages.sorted { $0.key < $1.key }.map { key, count in
      Entry(name: "m/data/" + key, bytes: (0..<count).flatMap { number(Float($0).bitPattern) })
    }
    return zip([Entry(name: "m/data.pkl", bytes: pickle)] + more + data)
  }

  /// A state dict of one tensor `a` of 2×3 float32.
  static let sound = dictionary([("a", tensor(storage(6), [2, 3], [3, 1]))])
}
