import Architecture
import Bytes
import Concurrency
import Kernels
import Platform
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import PackFormat

/// The packs in `Formats/vectors`, which every reader can be tried on.
///
/// Made by `CLIP_PACK_WRITE_VECTORS=1 swift test --filter VectorTests`, checked from Python by
/// `Formats/check_vectors.py`.
@Suite("The test vectors")
struct VectorTests {
  static let folder = FilePath(#filePath)
    .removingLastComponent().removingLastComponent().removingLastComponent()
    .appending("Formats").appending("vectors")

  struct Vector: Sendable, CustomTestStringConvertible {
    var name: String
    var storage: Storage
    var sample: Sample
    var testDescription: String { name }
    var path: FilePath { VectorTests.folder.appending(name + ".clippack") }
  }

  static let all = [
    Vector(name: "example", storage: .compact, sample: .example),
    Vector(name: "compact", storage: .compact, sample: everything),
    Vector(name: "mapped", storage: .mapped, sample: oneTower),
    Vector(name: "codes", storage: .compact, sample: codes),
    Vector(name: "panels", storage: .mapped, sample: panels),
  ]

  /// Codes by rANS, of 8 and of 16 bits, and paths through the trellis: one in two blocks; one in
  /// columns that are whole lanes; and one in fewer columns than lanes.
  static let codes = Sample(parts: [
    .section("recipe", Array("{}".utf8), isRequired: true),
    .grid("rans", [2, 2777], codes: noise(5554).map { mostly(-3, $0) }, steps: [0.5, 2]),
    .grid(
      "rans/wide", [3, 500],
      wideCodes: noise(1500).enumerated().map { 8 * Int16(mostly(50, $1)) + Int16($0 % 7) },
      steps: [1, 2, 4]),
    .trellis("trellis/blocks", rows: 150, columns: 450),
    .trellis("trellis/lanes", rows: 30, columns: 64),
    .trellis("trellis/narrow", rows: 400, columns: 7),
  ])

  /// Codes in panels: of two whole ones, of rows and columns that do not fill the last one, and
  /// wide ones, which lie row by row.
  static let panels = Sample(parts: [
    .section("recipe", Array("{}".utf8), isRequired: true),
    .grid(
      "panels/whole", [64, 48], codes: noise(3072).map { Int8(bitPattern: $0) }, steps: steps(64)),
    .grid(
      "panels/padded", [37, 30], codes: noise(1110).map { Int8(bitPattern: $0) }, steps: steps(37)),
    .grid("panels/column", [3, 1], codes: [-128, 5, 127], steps: steps(3)),
    .grid("wide", [2, 5], wideCodes: (0..<10).map { 400 - 77 * $0 }, steps: steps(2)),
  ])

  private static func steps(_ count: Int) -> [Float] { (0..<count).map { 1 / Float(1 + $0 % 3) } }

  /// Every element type, codec and encoding, and streams of more than one block.
  static let everything: Sample = {
    var parts = Array(Sample.small.parts.prefix(7))
    for type in ElementType.allCases {
      parts.append(.plain("type/\(type.rawValue)", type, [2, 4], low(type.bits), isModel: false))
    }
    let codes: [Int8] = (0..<66_000).map { (index: Int) -> Int8 in
      index < 1 << 16 ? -5 : Int8(index % 7)
    }
    let more: [Sample.Part] = [
      .plain("narrow/F16", .float32, [3, 5], low(30), stored: .float16),
      .plain("narrow/BF16", .float32, [3, 5], low(30), stored: .bfloat16),
      .plain("blocks/F32", .float32, [3, 5600], ramp(16_800)),
      .plain("blocks/F16", .float16, [33_001], halfRamp(33_001)),
      .plain("blocks/BF16", .bfloat16, [33_001], halfRamp(33_001)),
      .grid("blocks/grid", [2, 33_000], codes: codes, steps: [0.1, -3]),
      .grid("scalar/grid", [], codes: [-128], steps: [1.5]),
      .grid("empty/grid", [3, 0], codes: [], steps: [1, 2, 3]),
    ]
    parts += more
    parts += Sample.small.parts.dropFirst(7)
    return Sample(parts: parts)
  }()

  /// Bytes that make no NaN of any type.
  private static func low(_ count: Int) -> [UInt8] { noise(count, seed: 5).map { $0 & 0x3f } }

  /// One code of sixteen is another, which rANS codes best.
  private static func mostly(_ usual: Int8, _ noise: UInt8) -> Int8 {
    noise < 240 ? usual : Int8(noise - 200)
  }

  /// Small enough for a file: one region only begins at a multiple of 16 KiB.
  static let oneTower = Sample(
    parts: Sample.small.parts.filter { part in
      if case .tensor(let tensor) = part {
        tensor.tower != .text && tensor.content.codec < 2
      } else {
        true
      }
    })

  /// One block of one value, so that the file stays small, and a part of another one.
  private static func ramp(_ count: Int) -> [UInt8] {
    littleEndian((0..<count).map { (index: Int) -> Float in max(1.5, Float(index - 16_384)) })
  }

  private static func halfRamp(_ count: Int) -> [UInt8] {
    let halves: [UInt16] = (0..<count).map { index in
      0x3e81 + UInt16(max(0, index - (1 << 15)))
    }
    return littleEndian(halves)
  }

  // MARK: What a reader must find

  /// Name, type, shape, and the digest of the decoded elements, from what went into the writer.
  private static func expectation(_ vector: Vector, _ preamble: Preamble) -> JSON {
    var sections = JSON.Object()
    var tensors = JSON.Object()
    for part in vector.sample.parts {
      switch part {
      case .section(let name, let bytes, _): sections[name] = .string(digest(bytes))
      case .tensor(let tensor) where tensor.content.codec < 2:
        let decoded = decoded(tensor)
        tensors[tensor.name] = [
          "element_type": .string(tensor.elementType.rawValue),
          "shape": .array(tensor.shape.extents.map { .integer($0) }),
          "sha256": .string(digest(decoded)),
        ]
      case .tensor, .evidence, .attachments: break
      }
    }
    return [
      "storage": .string(vector.storage.rawValue),
      "content_digest": .string(preamble.contentDigest.description),
      "evidence_digest": .string(preamble.evidenceDigest.description),
      "sections": .object(sections), "tensors": .object(tensors),
    ]
  }

  /// The elements as bytes of the tensor's own type.
  private static func decoded(_ tensor: EncodedTensor) -> [UInt8] {
    let content = tensor.content.parts
    let values = content[0].bytes.array
    if tensor.content.isGrid {
      let buffer = content[1].bytes
      let span = buffer.span(of: Float.self)
      let steps = span.indices.map { span[$0] }
      let codes =
        content[0].elementType == .int8
        ? values.map { Float(Int8(bitPattern: $0)) }
        : stride(from: 0, to: values.count, by: 2).map {
          Float(Int16(bitPattern: UInt16(values[$0]) | UInt16(values[$0 + 1]) << 8))
        }
      return littleEndian(codes.enumerated().map { $1 * steps[$0 / tensor.columns] })
    }
    if content[0].elementType == tensor.elementType { return values }
    var floats = [Float](repeating: 0, count: tensor.shape.count)
    var output = floats.mutableSpan
    let halves = content[0].bytes
    (content[0].elementType == .float16 ? Half.float16 : .bfloat16)
      .widen(halves.bytes, into: &output, using: .scalar)
    return littleEndian(floats)
  }

  private static func digest(_ bytes: [UInt8]) -> String {
    unsafe Digest(of: bytes.span.bytes).description
  }

  @Test(.enabled(if: unsafe getenv("CLIP_PACK_WRITE_VECTORS") != nil))
  func `are written anew`() throws {
    try Folder.create(Self.folder)
    var expected = JSON.Object()
    for vector in Self.all {
      let preamble = try vector.sample.write(vector.path, vector.storage)
      expected[vector.name] = Self.expectation(vector, preamble)
    }
    var file = try AtomicFile(replacing: Self.folder.appending("expected.json"))
    let text = Array((JSON.object(expected).indented + "\n").utf8)
    try unsafe file.append(text.span.bytes)
    try file.commit()
  }

  @Test(arguments: all)
  func `hold what went into them`(vector: Vector) throws {
    let pack = try Pack(vector.path, pool: WorkerPool(threads: 2))
    try pack.validate()
    #expect(pack.preamble.fileSize < 20_000)
    let text = try contents(of: Self.folder.appending("expected.json"))
    let expected = try JSON(parsing: text.span)
    #expect(Self.expectation(vector, pack.preamble) == expected[vector.name])
    for part in vector.sample.parts {
      switch part {
      case .section(let name, let bytes, _): #expect(try pack.section(name)?.array == bytes)
      case .tensor(let expected):
        let tensor = try #require(pack.tensor(expected.name))
        for (index, part) in expected.content.parts.enumerated() {
          let isEqual = try pack.read(tensor, stream: index).array == part.bytes.array
          #expect(isEqual, "\(tensor.name)")
        }
      case .evidence, .attachments: break
      }
    }
  }

  @Test func `have every encoding`() throws {
    var found: [String: Set<UInt8>] = [:]
    for vector in Self.all {
      let pack = try Pack(vector.path)
      found[vector.name] = Set(pack.index.placements.joined().joined().map(\.encoding))
    }
    #expect(found["compact"] == [0, 1, 2])
    #expect(found["mapped"]?.isSubset(of: [0, 1]) == true)
    #expect(found["panels"] == [0, 5])
    let pack = try Pack(Self.folder.appending("codes.clippack"))
    let encodings = pack.index.placements.map { $0[0].map(\.encoding) }
    #expect(encodings == [[0], [3], [3], [4, 4], [4], [4]])
  }

  /// Another release of zstd may choose other frames, but never another content.
  @Test(arguments: all)
  func `have the digests that a writer gives today`(vector: Vector) throws {
    let folder = TemporaryFolder()
    let preamble = try vector.sample.write(folder.appending("a"), vector.storage, threads: 2)
    let pack = try Pack(vector.path)
    #expect(preamble.contentDigest == pack.contentDigest)
    #expect(preamble.evidenceDigest == pack.evidenceDigest)
  }
}
