import Bytes
import Concurrency
import Kernels
import SystemPackage
import TestSupport
import Testing

@testable import PackFormat

@Suite("Every byte of a pack")
struct EveryByteTests {
  /// A file that is opened again after each change of its bytes in place.
  struct Patient: ~Copyable {
    let folder = TemporaryFolder()
    let file: FileDescriptor
    let pool = WorkerPool(threads: 1)
    var path: FilePath { folder.appending("a") }

    init(_ bytes: [UInt8]) throws {
      let path = try folder.write(bytes, "a")
      file = try FileDescriptor.open(path, .readWrite)
    }

    deinit { try? file.close() }

    func write(_ byte: UInt8, at offset: Int) throws {
      try file.writeAll(toAbsoluteOffset: Int64(offset), [byte])
    }

    /// Why the pack is refused, by opening or by validating it; `nil` when it is not.
    func refusal() throws -> FormatError? {
      do {
        try Pack(path, pool: pool).validate()
        return nil
      } catch let error as FormatError {
        return error
      }
    }
  }

  /// What each byte is changed by: every single bit, and all of them.
  static let changes: [UInt8] = (0..<8).map { 1 << $0 } + [0xff]

  @Test func `is missed when the file is cut off before it`() throws {
    let bytes = try Sample.small.bytes(.compact)
    let patient = try Patient(bytes)
    for count in bytes.indices.reversed() {
      try patient.file.resize(to: Int64(count))
      let error = try #require(try patient.refusal())
      #expect(error.code == .truncated, "cut to \(count) bytes")
      #expect(error.reason.hasPrefix("file is \(count) bytes, "))
    }
  }

  @Test func `is missed when it is changed`() throws {
    let bytes = try Sample.small.bytes(.compact)
    let patient = try Patient(bytes)
    #expect(try patient.refusal() == nil)
    for (offset, byte) in bytes.enumerated() {
      for change in Self.changes {
        try patient.write(byte ^ change, at: offset)
        let error = try patient.refusal()
        #expect(error?.offset != nil, "byte \(offset) changed by \(change)")
      }
      try patient.write(byte, at: offset)
    }
    #expect(try patient.refusal() == nil)
  }

  @Test func `is missed in mapped storage too`() throws {
    let bytes = try Sample.small.bytes(.mapped)
    let patient = try Patient(bytes)
    // Most of the file is padding, of which every 61st byte will do.
    for (offset, byte) in bytes.enumerated() where byte != 0 || offset % 61 == 0 {
      try patient.write(byte ^ 0x10, at: offset)
      let error = try patient.refusal()
      #expect(error?.offset != nil, "byte \(offset)")
      try patient.write(byte, at: offset)
    }
    #expect(try patient.refusal() == nil)
  }

  /// A forger makes the checksums right; then nothing may be wrong but the answer.
  @Test func `may be changed under right checksums without a trap`() throws {
    let original = try Forgery(Sample.small.bytes(.compact))
    let folder = TemporaryFolder()
    let pool = WorkerPool(threads: 1)
    var opened = 0
    for offset in Array(0..<156) + Array(original.indexOffset..<original.bytes.count) {
      for change in [0x01, 0x80, 0xff] as [UInt8] {
        var forgery = original
        forgery.bytes[offset] ^= change
        // The fields that tell where the index lies are sealed as they are.
        if !(24..<60).contains(offset) { forgery.seal() } else { forgery.sealPreamble() }
        let path = folder.appending("a")
        let file = try FileDescriptor.open(
          path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        try file.closeAfter { _ = try file.writeAll(forgery.bytes) }
        guard let pack = try? Pack(path, pool: pool) else { continue }
        opened += 1
        try? pack.validate()
        for tensor in pack.tensors {
          for index in tensor.streams.indices { _ = try? pack.read(tensor, stream: index) }
        }
        for item in pack.index.items { _ = try? pack.section(item.name) }
      }
    }
    #expect(opened > 0)
  }
}

@Suite("A hostile index")
struct HostileTests {
  let folder = TemporaryFolder()

  @Test(.timeLimit(.minutes(1)))
  func `of many items is read, and its duplicates found, in reasonable time`() throws {
    var items: [UInt8] = []
    for number in 0..<50_000 { items += Forgery.section(Array("n\(number)".utf8)) }
    var forgery = try Forgery(Sample.example.bytes(.compact))
    forgery.append(items, toManifest: 2)
    #expect(try Pack(folder.write(forgery.bytes, "a")).index.items.count == 50_002)
    forgery.append(Forgery.section(Array("n7".utf8)), toManifest: 2)
    #expect(throws: FormatError.self) { try Pack(folder.write(forgery.bytes, "b")) }
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [UInt64.max, .max - 65_535, 1 << 63, (1 << 63) - 1, 1 << 56, 1 << 48] as [UInt64])
  func `of enormous numbers is refused at once`(number: UInt64) throws {
    let original = try Forgery(Sample.example.bytes(.compact))
    var places = [16, 24, 32]
    places += [original.afterName("w") + 4, original.afterName("w") + 12]
    places += [original.streams("w", rank: 2) + 2, original.streams("recipe", rank: 0) - 3]
    for block in 0..<3 {
      places += [original.placement(block) + 8, original.placement(block) + 16]
    }
    for place in places {
      var forgery = original
      forgery.put(number, at: place)
      if place < 160 { forgery.sealPreamble() } else { forgery.seal() }
      let path = try folder.write(forgery.bytes, "a")
      #expect(throws: FormatError.self, "at \(place)") { try Pack(path) }
    }
  }

  @Test func `cannot make a reader reserve more than its digests stand for`() throws {
    // A stream of 2⁵⁶ bytes would need 2⁴⁰ digests.
    var forgery = try Forgery(Sample.example.bytes(.compact))
    forgery.append(
      Forgery.tensor("x", codec: 9, shape: [1], streams: [(0, 1, 1 << 56)]) + noise(3200),
      toManifest: 0)
    let error = #expect(throws: FormatError.self) {
      try Pack(folder.write(forgery.bytes, "a"))
    }
    #expect(error?.code == .truncated)
  }
}
