import Bytes
import Codecs
import Kernels
import Tensors

@testable import PackFormat

/// A pack's bytes, to be damaged where its checksums do not show it.
struct Forgery {
  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read<Value: FixedWidthInteger>(_: Value.Type, at offset: Int) -> Int {
    (0..<MemoryLayout<Value>.size).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }

  mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for byte in 0..<MemoryLayout<Value>.size {
      bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
    }
  }

  var indexOffset: Int { read(UInt64.self, at: 24) }
  var manifestSizes: [Int] { [48, 52, 56].map { read(UInt32.self, at: $0) } }

  /// Where the placement of a block begins.
  func placement(_ block: Int) -> Int { indexOffset + manifestSizes.reduce(0, +) + 24 * block }

  /// Where the first field after an item's name begins.
  func afterName(_ name: String) -> Int {
    let wanted = Array(name.utf8)
    let start = (indexOffset..<bytes.count - wanted.count).first {
      Array(bytes[$0..<$0 + wanted.count]) == wanted
        && read(UInt16.self, at: $0 - 2) == wanted.count
    }
    return start! + wanted.count
  }

  /// Where an item begins.
  func item(_ name: String) -> Int { afterName(name) - name.utf8.count - 4 }

  /// Where a tensor's first stream begins.
  func streams(_ name: String, rank: Int) -> Int { afterName(name) + 5 + 8 * rank }

  /// Makes every checksum of preamble and index right again.
  mutating func seal() {
    let index = bytes[indexOffset...]
    put(Self.crc(index), at: 40)
    let sizes = manifestSizes
    replace(at: 64, Self.digest(index.prefix(sizes[0])))
    replace(at: 96, Self.digest(index.dropFirst(sizes[0]).prefix(sizes[1])))
    sealPreamble()
  }

  mutating func sealPreamble() { put(Self.crc(bytes[..<156]), at: 156) }

  mutating func replace(at offset: Int, _ new: [UInt8]) {
    bytes.replaceSubrange(offset..<offset + new.count, with: new)
  }

  /// Puts an item without blocks at the end of a manifest, and seals.
  mutating func append(_ item: [UInt8], toManifest manifest: Int) {
    let end = indexOffset + manifestSizes[...manifest].reduce(0, +)
    bytes.insert(contentsOf: item, at: end)
    put(UInt32(manifestSizes[manifest] + item.count), at: 48 + 4 * manifest)
    resize()
  }

  /// Makes preamble and checksums agree with what was put into the index.
  mutating func resize() {
    put(UInt64(bytes.count), at: 16)
    put(UInt64(bytes.count - indexOffset), at: 32)
    seal()
  }

  /// Stores other bytes as a block, no longer than those that are there, and seals.
  mutating func store(_ stored: [UInt8], asBlock block: Int) {
    let place = placement(block)
    let (offset, size) = (read(UInt64.self, at: place + 8), read(UInt64.self, at: place + 16))
    precondition(stored.count <= size)
    replace(at: offset, stored + [UInt8](repeating: 0, count: size - stored.count))
    put(UInt64(stored.count), at: place + 16)
    put(Self.crc(stored[...]), at: place + 4)
    seal()
  }

  /// The bytes that are stored as a block.
  func stored(_ block: Int) -> [UInt8] {
    let place = placement(block)
    let (offset, size) = (read(UInt64.self, at: place + 8), read(UInt64.self, at: place + 16))
    return Array(bytes[offset..<offset + size])
  }

  /// Stores a block's bytes after a change of them.
  mutating func change(block: Int, _ change: (inout [UInt8]) -> Void) {
    var stored = stored(block)
    change(&stored)
    store(stored, asBlock: block)
  }

  /// Moves a block into the padding before it, to be sealed.
  mutating func move(block: Int, by distance: Int) {
    let place = placement(block)
    let (offset, size) = (read(UInt64.self, at: place + 8), read(UInt64.self, at: place + 16))
    let stored = Array(bytes[offset..<offset + size])
    replace(at: offset, [UInt8](repeating: 0, count: size))
    replace(at: offset + distance, stored)
    put(UInt64(offset + distance), at: place + 8)
  }

  private static func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    unsafe crc32(Array(bytes).span.bytes, using: .scalar)
  }

  private static func digest(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    unsafe Digest(of: Array(bytes).span.bytes).bytes
  }

  /// A section without bytes.
  static func section(
    _ name: [UInt8], flags: UInt8 = 0, role: UInt8 = 0, type: UInt8 = 1
  ) -> [UInt8] {
    var output = ByteWriter()
    output.append(1 as UInt8)
    output.append(flags)
    output.append(UInt16(name.count))
    output.append(name)
    output.append(role)
    output.append(type)
    output.append(0 as UInt64)
    return output.bytes
  }

  /// A tensor whose streams have the sizes given, and no digests.
  static func tensor(
    _ name: String, flags: UInt8 = 0, tower: UInt8 = 0, codec: UInt8 = 0, type: UInt8 = 9,
    shape: [UInt64], streams: [(role: UInt8, type: UInt8, size: UInt64)]
  ) -> [UInt8] {
    var output = ByteWriter()
    output.append(2 as UInt8)
    output.append(flags)
    output.append(UInt16(name.utf8.count))
    output.append(Array(name.utf8))
    output.append(tower)
    output.append(codec)
    output.append(type)
    output.append(UInt8(shape.count))
    for extent in shape { output.append(extent) }
    output.append(UInt8(streams.count))
    for stream in streams {
      output.append(stream.role)
      output.append(stream.type)
      output.append(stream.size)
    }
    return output.bytes
  }

  /// A zstd frame.
  static func frame(_ bytes: [UInt8]) -> [UInt8] {
    let (encoding, frame) = unsafe BlockCoder().encode(bytes.span.bytes, of: .uint8)
    precondition(encoding == .zstd)
    return frame
  }
}
