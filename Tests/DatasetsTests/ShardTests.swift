import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Conversion
import Datasets
import Kernels
import PackFormat
import Quantisation
import SystemPackage
import TestSupport
import Testing

@Suite("Shards") struct ShardTests {
  let folder = TemporaryFolder()
  let model: Model

  init() throws {
    let pack = folder.appending("demo.clippack")
    let conversion = Conversion(
      recipe: Recipe(target: .int8), storage: .mapped, makesEvidence: false,
      calibration: .none, pool: WorkerPool())
    _ = try conversion.run(Checkpoint(Fixture.path("demo").string), to: pack)
    model = try Model(opening: pack)
  }

  private func samples(_ name: String) throws -> [Sample] {
    var reader = try ShardReader(Fixture.path("shards/\(name)"))
    var samples: [Sample] = []
    while let sample = try reader.next() { samples.append(sample) }
    return samples
  }

  private func embedder(
    _ space: String = "s", _ type: VectorType = .f32, overwriting: Bool = false
  ) -> ShardEmbedder {
    ShardEmbedder(
      model, into: folder.appending("out"), identity: ["embedding_space": .string(space)],
      type: type, overwriting: overwriting)
  }

  private func bytes(_ name: String) throws -> [UInt8] {
    let file = try MappedFile(folder.appending("out").appending(FilePath(name).components))
    return file.bytes.array
  }

  /// The rows of an array of float32.
  private func rows(_ name: String) throws -> [[Float]] {
    let bytes = Array(try bytes(name).dropFirst(128))
    let floats = stride(from: 0, to: bytes.count, by: 4).map { start in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * $1) })
    }
    return stride(from: 0, to: floats.count, by: 96).map { Array(floats[$0..<$0 + 96]) }
  }

  @Test func `adjacent members of one key are a sample`() throws {
    let found = try samples("gnu.tar")
    let deep = String(repeating: "folder/", count: 20)
    #expect(
      found.map { String(decoding: $0.key, as: UTF8.self) }
        == ["a/000", "a/001", "b/000", deep + "long"])
    // long.name.txt is another field than txt, as webdataset has it.
    #expect(
      found.map(\.caption) == ["a red shape on a black background", "cut short", nil, nil])
  }

  @Test func `shards are shared out among machines, each once`() {
    let sources = (0..<11).map { FilePath("s\($0).tar") }
    let parts = (0..<3).map { Shard.of(sources, part: $0, of: 3) }
    #expect(parts.map { $0.map(\.index) } == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8]])
    #expect(parts.joined().allSatisfy { $0.count == 11 && $0.source == sources[$0.index] })
  }

  @Test func `rows are the library's, and stay in step with keys and captions`() throws {
    let shard = Shard(index: 3, count: 12, source: Fixture.path("shards/gnu.tar"))
    #expect(try !embedder().isComplete(shard))
    var (failures, done) = ([String](), 0)
    let summary = try embedder().embed(shard) { key, reason in
      failures.append("\(String(decoding: key, as: UTF8.self)): \(reason)")
    } done: {
      done += 1
    }
    #expect(failures == ["a/001: JPEG: the file ends before the picture"])
    #expect((summary.rows, summary.failed, done) == (4, 1, 4))
    #expect(try embedder().isComplete(shard))
    let names = ["01-red-on-black.jpg", "02-cyan-on-grey.png", "03-yellow-on-grey.jpg"]
    let pictures = try model.embed(images: names.map { Fixture.path("pictures/\($0)") })
    let images = try rows("img_emb/img_emb_03.npy")
    #expect(images == [pictures[0], Array(repeating: 0, count: 96), pictures[1], pictures[2]])
    let texts = try model.embed(texts: ["a red shape on a black background", "cut short"])
    let none = [Float](repeating: 0, count: 96)
    #expect(try rows("text_emb/text_emb_03.npy") == [texts[0], texts[1], none, none])
    // What pyarrow makes of the table: `Scripts/check_clusters`.
    let table = try bytes("metadata/metadata_03.parquet")
    let deep = String(repeating: "folder/", count: 20)
    for column in [
      ["a/000", "a/001", "b/000", deep + "long"],
      ["a red shape on a black background", "cut short", "", ""],
      ["", "JPEG: the file ends before the picture", "", ""],
    ] {
      var plain: [UInt8] = []
      for text in column { plain += [UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8) }
      let starts = 0...table.count - plain.count
      #expect(starts.contains { table[$0..<$0 + plain.count].elementsEqual(plain) })
    }
    let magic = Array("PAR1".utf8)
    #expect(table.starts(with: magic) && table.suffix(4).elementsEqual(magic))
    let footer = table.suffix(8).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect((100..<1000).contains(footer))
    let text = try bytes("shards/shard_03.json")
    let record = try JSON(parsing: text.span)
    #expect(record["rows"] == 4 && record["failed"] == 1 && record["captions"] == true)
  }

  @Test func `a list of paths is a shard without captions`() throws {
    let paths = ["01-red-on-black.jpg", "none.jpg"].map { Fixture.path("pictures/\($0)").string }
    let list = try folder.write(Array(paths.joined(separator: "\n").utf8), "list.txt")
    let shard = Shard(index: 0, count: 1, source: list)
    let summary = try embedder("s", .f16).embed(shard, failed: { _, _ in }, done: {})
    #expect((summary.rows, summary.failed, summary.hasCaptions) == (2, 1, false))
    #expect(try bytes("img_emb/img_emb_0.npy").count == 128 + 2 * 2 * 96)
    #expect(FileKind(of: folder.appending("out/text_emb")) == nil)
  }

  @Test func `float16 is float32 rounded`() throws {
    let shard = Shard(index: 0, count: 1, source: Fixture.path("shards/ustar.tar"))
    _ = try embedder().embed(shard, failed: { _, _ in }, done: {})
    let full = try rows("img_emb/img_emb_0.npy").flatMap(\.self)
    _ = try embedder("s", .f16, overwriting: true).embed(shard, failed: { _, _ in }, done: {})
    let half = Buffer(Array(try bytes("img_emb/img_emb_0.npy").dropFirst(128)))
    let widened = Self.widened(half, full.count)
    #expect(zip(full, widened).allSatisfy { abs($0 - $1) <= abs($0) / 2048 + 1e-7 })
    #expect(full != widened)
  }

  private static func widened(_ halves: Buffer, _ count: Int) -> [Float] {
    var floats = [Float](repeating: 0, count: count)
    var span = floats.mutableSpan
    Half.float16.widen(halves.bytes, into: &span)
    return floats
  }

  @Test func `a shard that was embedded otherwise is refused`() throws {
    let shard = Shard(index: 0, count: 1, source: Fixture.path("shards/ustar.tar"))
    _ = try embedder().embed(shard, failed: { _, _ in }, done: {})
    let record = folder.appending("out/shards/shard_0.json")
    for (other, clause) in [
      (embedder("t"), "its embedding_space is \"s\", now it is \"t\""),
      (embedder("s", .f16), "its dtype is \"float32\", now it is \"float16\""),
    ] {
      let error = #expect(throws: Refusal.self) { try other.isComplete(shard) }
      #expect(error?.reason == "'\(record)' was embedded otherwise: \(clause)")
    }
    #expect(try !embedder("t", overwriting: true).isComplete(shard))
    let more = Shard(index: 0, count: 2, source: shard.source)
    #expect(throws: Refusal.self) { try embedder().isComplete(more) }
    try folder.write([1], "out/shards/shard_0.json")
    let error = #expect(throws: Refusal.self) { try embedder().isComplete(shard) }
    #expect(error?.reason.hasPrefix("'\(record)' is no record of a shard: ") == true)
  }

  @Test func `what ends a shard leaves nothing that counts as complete`() throws {
    struct Stop: Error {}
    let shard = Shard(index: 0, count: 1, source: Fixture.path("shards/ustar.tar"))
    #expect(throws: Stop.self) {
      try embedder().embed(shard, failed: { _, _ in throw Stop() }, done: {})
    }
    #expect(try !embedder().isComplete(shard))
    #expect(try Folder.names(in: folder.appending("out/img_emb")).isEmpty)
    let whole = try MappedFile(shard.source)
    let start = whole.bytes.extracting(0..<3000).array
    let cut = try folder.write(start, "cut.tar")
    let damaged = Shard(index: 0, count: 1, source: cut)
    let error = #expect(throws: InputError.self) {
      try embedder().embed(damaged, failed: { _, _ in }, done: {})
    }
    #expect(error?.path == cut)
  }
}
