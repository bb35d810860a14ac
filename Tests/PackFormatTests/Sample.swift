import Architecture
import Bytes
import Concurrency
import Kernels
import SystemPackage
import Tensors
import TestSupport

@testable import PackFormat

/// What a pack is made of, to be written in either storage.
struct Sample: Sendable {
  enum Part: Sendable {
    case section(String, [UInt8], isRequired: Bool)
    case tensor(EncodedTensor)
    case evidence
    case attachments
  }

  var parts: [Part]
  var blockSize = 1 << 16

  @discardableResult
  func write(_ path: FilePath, _ storage: Storage, threads: Int = 1) throws -> Preamble {
    var writer = try PackWriter(
      path, storage: storage, blockSize: blockSize, pool: WorkerPool(threads: threads))
    for part in parts { try Self.add(part, to: &writer) }
    return try writer.finish()
  }

  private static func add(_ part: Part, to writer: inout PackWriter) throws {
    switch part {
    case .section(let name, let bytes, let isRequired):
      let buffer = Buffer(bytes)
      try writer.add(section: name, buffer, isRequired: isRequired)
    case .tensor(let tensor): try writer.add(tensor)
    case .evidence: writer.beginEvidence()
    case .attachments: writer.beginAttachments()
    }
  }

  func bytes(_ storage: Storage, threads: Int = 1) throws -> [UInt8] {
    let folder = TemporaryFolder()
    try write(folder.appending("a.clippack"), storage, threads: threads)
    return try contents(of: folder.appending("a.clippack"))
  }
}

extension Sample.Part {
  static func plain(
    _ name: String, _ type: ElementType, _ shape: Shape, _ bytes: [UInt8],
    stored: ElementType? = nil, tower: Tower? = nil, isModel: Bool = true
  ) -> Self {
    .tensor(
      EncodedTensor(
        name: name, tower: tower, isModel: isModel, elementType: type, shape: shape,
        content: .plain(stored ?? type, Buffer(bytes))))
  }

  static func grid(
    _ name: String, _ shape: Shape, codes: [Int8], steps: [Float], tower: Tower? = nil
  ) -> Self {
    .tensor(
      EncodedTensor(
        name: name, tower: tower, isModel: true, elementType: .float32, shape: shape,
        content: .grid(
          .int8, codes: Buffer(littleEndian: codes), steps: Buffer(littleEndian: steps))))
  }

  static func grid(
    _ name: String, _ shape: Shape, wideCodes codes: [Int16], steps: [Float]
  ) -> Self {
    .tensor(
      EncodedTensor(
        name: name, tower: nil, isModel: true, elementType: .float32, shape: shape,
        content: .grid(
          .int16, codes: Buffer(littleEndian: codes), steps: Buffer(littleEndian: steps))))
  }

  /// Codes that are a path through the trellis in every column, anew in each block, most of them
  /// small.
  static func trellis(
    _ name: String, rows: Int, columns: Int, block: Int = 1 << 16, tower: Tower? = nil
  ) -> Self {
    var random = SplitMix64(seed: UInt64(rows))
    // Blocks are whole panels.
    let block = block / (32 * columns) * 32 * columns
    let codes = TrellisMachine.codes(rows * columns, columns: columns, block: block) {
      let bits = random.next()
      let k = max(0, bits.leadingZeroBitCount - 2)
      return bits & 1 == 0 ? k : -k
    }
    let steps = (0..<rows).map { 1 / Float(1 + $0 % 3) }
    return .grid(name, [rows, columns], codes: codes, steps: steps, tower: tower)
  }

  /// A tensor of a codec that version 1 does not have.
  static func unknown(_ name: String, _ streams: [(role: UInt8, ElementType, [UInt8])]) -> Self {
    .tensor(
      EncodedTensor(
        name: name, tower: nil, isModel: true, elementType: .float32, shape: [7],
        content: .unknown(
          codec: 77,
          streams.map { .init(role: $0.role, elementType: $0.1, bytes: Buffer($0.2)) })))
  }
}

// MARK: Bytes to fill them with

/// Bytes that no coder can shorten.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
}

/// Bytes of few values, which every coder shortens, without repetitions to find.
func skewed(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in UInt8(random.next().leadingZeroBitCount) }
}

/// Floats as weights are: exponents of a few values, mantissas of noise.
func weights(_ count: Int, seed: UInt64 = 1) -> [Float] {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in Float.random(in: -0.05...0.05, using: &random) }
}

func littleEndian<Element: BitwiseCopyable>(_ elements: [Element]) -> [UInt8] {
  Buffer(littleEndian: elements).array
}

extension Buffer {
  /// A copy.
  var array: [UInt8] { bytes.array }
}

func contents(of path: FilePath) throws -> [UInt8] {
  let file = try MappedFile(path)
  return file.bytes.array
}

// MARK: Samples

extension Sample {
  /// A few kilobytes with a block of every encoding, evidence and an attachment.
  static let small = Sample(parts: [
    .section("recipe", Array(#"{"to":"int8"}"#.utf8), isRequired: true),
    .section("configuration", skewed(300), isRequired: true),
    .plain("logit_scale", .float32, [], littleEndian([4.6052 as Float])),
    .plain("image.weight", .float32, [16, 20], littleEndian(weights(320)), tower: .image),
    .grid(
      "text.weight", [3, 50], codes: skewed(150).map { Int8($0) - 2 }, steps: [0.5, 0, 1e-3],
      tower: .text),
    .plain("nothing", .uint8, [0, 7], [], isModel: false),
    .unknown("later", [(9, .int16, noise(5)), (0, .uint8, [])]),
    .evidence,
    .section("provenance", Array(#"{"files":[]}"#.utf8), isRequired: false),
    .plain("evidence/pixels", .uint8, [64], skewed(64), isModel: false),
    .attachments,
    .section("signature", noise(40), isRequired: false),
  ])

  /// The pack of section 9 of the specification.
  static let example = Sample(parts: [
    .section("recipe", Array("{}".utf8), isRequired: true),
    .grid("w", [2, 3], codes: [-127, 0, 64, 1, 2, 127], steps: [0.5, 0.25], tower: .image),
  ])
}
