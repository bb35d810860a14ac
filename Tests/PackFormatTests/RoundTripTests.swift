import Architecture
import Bytes
import Concurrency
import Kernels
import Tensors
import TestSupport
import Testing

@testable import PackFormat

@Suite("A pack that was written")
struct RoundTripTests {
  static let blockSize = 1 << 16
  let folder = TemporaryFolder()

  /// Elements of one type in sizes around those at which the blocks change.
  private static func tensors(of type: ElementType) -> [Sample.Part] {
    // F6 fills whole bytes every four elements.
    let step = type.bits < 8 ? 4 : 1
    let block = blockSize * 8 / type.bits / step * step
    var parts: [Sample.Part] = []
    for count in [0, step, 5 * step, block - step, block, block + step, 2 * block + 3 * step] {
      let size = type.byteCount(of: count)!
      let shape = Shape([count])!
      parts += [
        .plain("\(type) \(count) noise", type, shape, noise(size, seed: 7), tower: .image),
        .plain("\(type) \(count) skewed", type, shape, skewed(size, seed: 8), tower: .text),
        .plain("\(type) \(count) zeros", type, shape, [UInt8](repeating: 0, count: size)),
      ]
    }
    return parts
  }

  @Test(arguments: ElementType.allCases, Storage.allCases)
  func `holds every element type in every size`(type: ElementType, storage: Storage) throws {
    try check(Sample(parts: Self.tensors(of: type)), storage)
  }

  @Test(arguments: Storage.allCases)
  func `holds float32 tensors of narrower values`(storage: Storage) throws {
    try check(
      Sample(parts: [
        .plain("f16", .float32, [33, 1000], noise(66_000), stored: .float16),
        .plain("bf16", .float32, [33, 1000], noise(66_000), stored: .bfloat16),
      ]), storage)
  }

  @Test(arguments: Storage.allCases, [0, 1, 2, 65_535, 65_536, 65_537, 131_072, 200_001])
  func `holds grids and streams of any size`(storage: Storage, size: Int) throws {
    let shape = Shape([size, 1])!
    try check(
      Sample(parts: [
        .section("bytes", skewed(size), isRequired: false),
        .section("noise", noise(size), isRequired: false),
        .grid(
          "grid", shape, codes: skewed(size).map { Int8($0) },
          steps: (0..<size).map { Float($0) / 64 }, tower: .text),
        // Streams of planed types that are no whole number of elements.
        .unknown(
          "later",
          [(0, .float32, skewed(size)), (5, .bfloat16, noise(size)), (255, .float16, [])]),
      ]), storage)
  }

  /// Writes, opens, validates, and compares every stream with what went in.
  private func check(_ sample: Sample, _ storage: Storage) throws {
    let path = folder.appending("a.clippack")
    let preamble = try sample.write(path, storage, threads: 2)
    let pack = try Pack(path, pool: WorkerPool(threads: 2))
    #expect(pack.preamble == preamble)
    #expect(pack.preamble.storage == storage)
    try pack.validate()
    for part in sample.parts {
      switch part {
      case .section(let name, let bytes, _):
        #expect(try pack.section(name)?.array == bytes)
      case .tensor(let tensor):
        let found = try #require(pack.tensor(tensor.name))
        for (index, stream) in tensor.content.parts.enumerated() {
          #expect(found.streams[index].role == stream.role)
          #expect(found.streams[index].elementType == stream.elementType)
          let isEqual = try pack.read(found, stream: index).array == stream.bytes.array
          #expect(isEqual, "\(tensor.name)")
        }
        #expect(found.mapParts(\.role) == tensor.mapParts(\.role))
      case .evidence, .attachments: break
      }
    }
  }

  @Test func `keeps its items in the order they came in, in three manifests`() throws {
    try Sample.small.write(folder.appending("a"), .compact)
    let index = try Pack(folder.appending("a")).index
    #expect(
      index.content.items.map(\.name) == [
        "recipe", "configuration", "logit_scale", "image.weight", "text.weight", "nothing", "later",
      ])
    #expect(index.evidence.items.map(\.name) == ["provenance", "evidence/pixels"])
    #expect(index.attachments.items.map(\.name) == ["signature"])
  }

  @Test func `has a block of every encoding when it is the small sample`() throws {
    try Sample.small.write(folder.appending("a"), .compact)
    let pack = try Pack(folder.appending("a"))
    #expect(Set(pack.index.placements.joined().joined().map(\.encoding)) == [0, 1, 2])
    #expect(pack.preamble.fileSize < 6000)
  }

  @Test func `parses its JSON`() throws {
    try Sample.small.write(folder.appending("a"), .compact)
    let pack = try Pack(folder.appending("a"))
    #expect(try pack.json(.recipe) == ["to": "int8"])
    #expect(try pack.json(.tokenizer) == nil)
    let error = #expect(throws: FormatError.self) { try pack.json(.configuration) }
    #expect(error?.description.hasPrefix("section \"configuration\": ") == true)
  }

  @Test func `tells names apart that Unicode calls equivalent`() throws {
    let sample = Sample(parts: [
      .plain("caf\u{e9}", .uint8, [1], [1]), .plain("cafe\u{301}", .uint8, [1], [2]),
    ])
    try sample.write(folder.appending("a"), .compact)
    let pack = try Pack(folder.appending("a"))
    let tensor = try #require(pack.tensor("cafe\u{301}"))
    #expect(try pack.read(tensor, stream: 0).array == [2])
  }

  @Test func `can be read back before it has its name`() throws {
    var writer = try PackWriter(
      folder.appending("a"), storage: .compact, blockSize: 1 << 16, pool: WorkerPool(threads: 1))
    try writer.add(section: "recipe", Buffer(Array("{}".utf8)), isRequired: true)
    let first = try writer.readBack()
    #expect(try first.json(.recipe) == [:])
    try writer.add(section: "later", Buffer(skewed(1000)))
    let second = try writer.readBack()
    #expect(try second.section("later")?.array == skewed(1000))
    #expect(try Folder.names(in: folder.path).count == 1)
    _ = try writer.finish()
    try Pack(folder.appending("a")).validate()
  }

  @Test func `does not appear before it is finished, and leaves an older one alone`() throws {
    try Sample.example.write(folder.appending("a"), .compact)
    let old = try contents(of: folder.appending("a"))
    do {
      var writer = try PackWriter(
        folder.appending("a"), storage: .compact, pool: WorkerPool(threads: 1))
      try writer.add(section: "recipe", Buffer(noise(100_000)))
    }
    #expect(try contents(of: folder.appending("a")) == old)
    #expect(try Folder.names(in: folder.path) == ["a"])
  }
}
