import Architecture
import Bytes
import Concurrency
import Kernels
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import PackFormat

@Suite("The two storages")
struct StorageTests {
  let folder = TemporaryFolder()

  /// Several blocks a stream, both towers, every kind of content.
  static let sample = Sample(
    parts: Sample.small.parts.prefix(7) + [
      .plain("image.more", .float32, [50_000], littleEndian(weights(50_000)), tower: .image),
      .plain("image.half", .float16, [70_001], skewed(140_002), tower: .image),
      .grid(
        "text.more", [3, 50_000], codes: skewed(150_000).map { Int8($0) }, steps: [1, 2, 3],
        tower: .text),
      .trellis("text.path", rows: 300, columns: 450, tower: .text),
      .plain("came along", .int64, [9000], skewed(72_000), isModel: false),
    ] + Sample.small.parts.dropFirst(7))

  /// Writes a pack again from what another one gives.
  private func repack(
    _ source: FilePath, _ destination: FilePath, _ storage: Storage, threads: Int
  ) throws {
    let pack = try Pack(source, pool: WorkerPool(threads: threads))
    var writer = try PackWriter(
      destination, storage: storage, blockSize: pack.preamble.blockSize, pool: pack.pool)
    func add(_ manifest: Manifest, _ writer: inout PackWriter) throws {
      for item in manifest.items {
        switch item {
        case .section(let section):
          let bytes = try #require(try pack.section(section.name))
          try writer.add(section: section.name, bytes, isRequired: section.isRequired)
        case .tensor(let tensor):
          try writer.add(pack.encoded(tensor))
        }
      }
    }
    try add(pack.index.content, &writer)
    writer.beginEvidence()
    try add(pack.index.evidence, &writer)
    writer.beginAttachments()
    try add(pack.index.attachments, &writer)
    _ = try writer.finish()
  }

  private func bytes(_ name: String) throws -> [UInt8] {
    try contents(of: folder.appending(name))
  }

  @Test func `have one content digest and one evidence digest`() throws {
    let compact = try Self.sample.write(folder.appending("compact"), .compact)
    let mapped = try Self.sample.write(folder.appending("mapped"), .mapped)
    #expect(compact.contentDigest == mapped.contentDigest)
    #expect(compact.evidenceDigest == mapped.evidenceDigest)
    #expect(compact.fileSize < mapped.fileSize)
  }

  @Test func `convert into each other and back to the same bytes`() throws {
    try Self.sample.write(folder.appending("compact"), .compact)
    try Self.sample.write(folder.appending("mapped"), .mapped)
    try repack(folder.appending("compact"), folder.appending("mapped 2"), .mapped, threads: 2)
    try repack(folder.appending("mapped 2"), folder.appending("compact 2"), .compact, threads: 3)
    #expect(try bytes("mapped 2") == bytes("mapped"))
    #expect(try bytes("compact 2") == bytes("compact"))
  }

  @Test(arguments: Storage.allCases, [2, 5])
  func `have the same bytes on any number of threads`(storage: Storage, threads: Int) throws {
    #expect(try Self.sample.bytes(storage, threads: threads) == Self.sample.bytes(storage))
  }

  @Test func `have content digests that every byte of content changes`() throws {
    let digest = try Sample.example.write(folder.appending("a"), .compact).contentDigest
    var other = Sample.example
    other.parts[0] = .section("recipe", Array("[]".utf8), isRequired: true)
    #expect(try other.write(folder.appending("b"), .compact).contentDigest != digest)
    other = Sample.example
    other.parts += [.evidence, .section("more", [1], isRequired: false)]
    #expect(try other.write(folder.appending("c"), .mapped).contentDigest == digest)
  }

  @Test func `differ in that mapped tensors are read in place`() throws {
    try Self.sample.write(folder.appending("mapped"), .mapped)
    let pack = try Pack(folder.appending("mapped"), pool: WorkerPool(threads: 2))
    var region: Tower?
    for tensor in pack.tensors where tensor.isModel {
      for index in tensor.streams.indices where tensor.streams[index].size > 0 {
        let buffer =
          tensor.streams[index].panelColumns != nil
          ? try pack.readPanels(tensor) : try pack.read(tensor, stream: index)
        let offset = try #require(try place(of: buffer, in: pack))
        #expect(offset % 64 == 0, "\(tensor.name)")
        if index == 0, tensor.tower != region {
          #expect(offset % (16 << 10) == 0, "\(tensor.name)")
          region = tensor.tower
        }
      }
    }
    let other = try #require(pack.tensor("came along"))
    #expect(try place(of: pack.read(other, stream: 0), in: pack) == nil)
  }

  @Test func `keep a buffer alive without its pack`() throws {
    try Self.sample.write(folder.appending("mapped"), .mapped)
    func read() throws -> Buffer {
      let pack = try Pack(folder.appending("mapped"), pool: WorkerPool(threads: 1))
      return try pack.read(try #require(pack.tensor("text.more")), stream: 1)
    }
    let steps = try read()
    #expect(steps.array == littleEndian([1, 2, 3] as [Float]))
  }

  @Test func `are padded with zeros alone`() throws {
    for storage in Storage.allCases {
      let path = folder.appending(storage.rawValue)
      try Self.sample.write(path, storage)
      let pack = try Pack(path)
      let file = pack.file
      var end = Preamble.size
      for block in pack.index.placements.joined().joined() {
        #expect(block.offset - end < 16 << 10)
        let isZero = file.bytes.extracting(end..<block.offset).isZero
        #expect(isZero)
        end = block.range.upperBound
      }
      #expect(end == pack.preamble.indexOffset)
    }
  }

  @Test func `refuse panels whose padding is not zero, in place and copied`() throws {
    var forgery = try Forgery(Sample.example.bytes(.mapped))
    forgery.change(block: 1) { panel in panel[3] = 1 }
    let pack = try Pack(folder.write(forgery.bytes, "a"), pool: WorkerPool(threads: 1))
    let tensor = try #require(pack.tensor("w"))
    for read in [{ try pack.readPanels(tensor) }, { try pack.read(tensor, stream: 0) }] {
      let error = #expect(throws: FormatError.self) { _ = try read() }
      #expect(error?.code == .invalidField)
      #expect(
        "\(error!)"
          == "tensor \"w\": what pads panels is not zero (byte 0x4000)")
    }
  }

  @Test func `give panels in place, and of any storage the same`() throws {
    for storage in Storage.allCases {
      try Self.sample.write(folder.appending(storage.rawValue), storage)
      let pack = try Pack(folder.appending(storage.rawValue), pool: WorkerPool(threads: 2))
      for tensor in pack.tensors where tensor.streams[0].elementType == .int8 && tensor.isModel {
        let panels = try pack.readPanels(tensor)
        // Of very many columns no panel fits into a block.
        let isInPlace = try place(of: panels, in: pack) != nil
        #expect(isInPlace == (storage == .mapped && tensor.columns < 50_000))
        let codes = try pack.read(tensor, stream: 0)
        let (rows, columns) = (tensor.rows, tensor.columns)
        let expected = Buffer(
          count: try #require(CodePanels.byteCount(rows: rows, columns: columns))
        ) { CodePanels.pack(codes.bytes, rows: rows, columns: columns, into: &$0) }
        #expect(panels.array == expected.array)
      }
    }
  }

  @Test func `give an aligned copy of a raw stream that a foreign writer did not align`() throws {
    var forgery = try Forgery(Sample.example.bytes(.compact))
    forgery.move(block: 2, by: -3)
    forgery.seal()
    let pack = try Pack(folder.write(forgery.bytes, "a"), pool: WorkerPool(threads: 1))
    try pack.validate()
    let steps = try pack.read(try #require(pack.tensor("w")), stream: 1)
    #expect(try place(of: steps, in: pack) == nil)
    #expect(steps.isAligned(to: Float.self))
    #expect(steps.array == littleEndian([0.5, 0.25] as [Float]))
  }

  /// Where in the mapped file a buffer lies; `nil` for memory of its own.
  private func place(of buffer: Buffer, in pack: Pack) throws -> Int? {
    let file = pack.file
    let address = unsafe buffer.bytes.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
    let start = unsafe file.bytes.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
    return start..<start + file.count ~= address ? address - start : nil
  }
}
