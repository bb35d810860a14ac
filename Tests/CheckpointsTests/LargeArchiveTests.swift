import Bytes
import Checkpoints
import SystemPackage
import Tensors
import TestSupport
import Testing

/// Archives beyond 4 GiB, whose sizes and offsets stand in zip64 fields. They are sparse: what is
/// not written takes no room.
@Suite("An archive of more than 4 GiB")
struct LargeArchiveTests {
  typealias Forgery = TorchForgery
  let folder = TemporaryFolder()

  private static let large = 5 << 30
  private static let name = "m/data/"

  private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  private static func numbers(_ values: [Int]) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in values { bytes += Forgery.number(value) }
    return bytes
  }

  private static func local(_ name: String) -> [UInt8] {
    var header: [UInt8] = [0x50, 0x4b, 3, 4, 45, 0] + zeros(20)
    header += Forgery.number(UInt16(name.utf8.count))
    header += [0, 0]
    return header + Array(name.utf8)
  }

  /// A record of the directory with size and offset in its zip64 field.
  private static func record(_ name: String, size: Int, offset: Int) -> [UInt8] {
    let all = [UInt8](repeating: 0xff, count: 4)
    let zip64: [UInt8] = [1, 0, 24, 0] + numbers([size, size, offset])
    var record: [UInt8] = [0x50, 0x4b, 1, 2, 45, 0, 45, 0] + zeros(12)
    record += all
    record += all
    record += Forgery.number(UInt16(name.utf8.count))
    record += Forgery.number(UInt16(zip64.count))
    record += zeros(10)
    record += all
    record += Array(name.utf8)
    return record + zip64
  }

  /// A matrix of 5 GiB, and behind it a vector of three.
  ///
  /// - Parameter claimed: the matrix's size as the directory says it.
  private func write(claimed: Int = large) throws -> FilePath {
    let matrix = Forgery.tensor(
      Forgery.storage(Self.large / 4, key: "0"), [Self.large / 4096, 1024], [1024, 1])
    let vector = Forgery.tensor(Forgery.storage(3, key: "1"), [3], [1])
    let pickle = Forgery.pickle(Forgery.dictionary([("matrix", matrix), ("vector", vector)]))
    var values: [UInt8] = []
    for value in 1...3 { values += Forgery.number(Float(value).bitPattern) }
    let names = ["m/data.pkl", Self.name + "0", Self.name + "1"]
    let sizes = [pickle.count, Self.large, values.count]
    var offsets = [0]
    for (name, size) in zip(names, sizes) {
      offsets.append(offsets[offsets.count - 1] + Self.local(name).count + size)
    }
    var directory: [UInt8] = []
    for (index, name) in names.enumerated() {
      directory += Self.record(
        name, size: index == 1 ? claimed : sizes[index], offset: offsets[index])
    }
    let start = offsets[3]
    var end = directory
    end += [0x50, 0x4b, 6, 6] + Forgery.number(44) + [45, 0, 45, 0]
    end += Self.zeros(8)
    end += Self.numbers([3, 3, directory.count, start])
    end += [0x50, 0x4b, 6, 7, 0, 0, 0, 0] + Forgery.number(start + directory.count)
    end += [1, 0, 0, 0]
    end += [0x50, 0x4b, 5, 6, 0, 0, 0, 0] + [UInt8](repeating: 0xff, count: 12)
    end += [0, 0]
    let path = folder.appending("large.pt")
    let file = try FileDescriptor.open(
      path, .writeOnly, options: .create, permissions: .ownerReadWrite)
    try file.closeAfter {
      try file.writeAll(toAbsoluteOffset: 0, Self.local(names[0]) + pickle + Self.local(names[1]))
      try file.writeAll(toAbsoluteOffset: Int64(offsets[2]), Self.local(names[2]) + values + end)
    }
    return path
  }

  @Test func `is read in place`() throws {
    let file = try PyTorchFile(write())
    let matrix = try #require(file.entry(named: "matrix"))
    #expect(matrix.byteCount == Self.large)
    #expect(file.location(of: matrix)?.count == Self.large)
    let tail = file.bytes(of: matrix, Self.large - 8..<Self.large)
    #expect(tail.bytes.array == [UInt8](repeating: 0, count: 8))
    let vector = try #require(file.tensor(named: "vector")).buffer
    #expect(vector.bytes.array == [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40])
  }

  @Test(arguments: [Self.large - 4, Self.large + 4, 1 << 40, .max])
  func `with another size in its zip64 field is refused`(claimed: Int) throws {
    let path = try write(claimed: claimed)
    #expect(throws: CheckpointError.self) { try PyTorchFile(path) }
  }
}
