import Architecture
import Bytes
import Concurrency
import Kernels
import SystemPackage
import Tensors
import TestSupport
import Testing
import Towers

/// Each operation of `Formats/network.md` by itself, as torch, transformers and timm compute it.
///
/// Made by `Scripts/make_network_goldens.py`; `Formats/check_network.py` holds the interpreter in
/// Python against the same file.
@Suite("operations")
struct OperationGoldenTests {
  @Test(arguments: OperationGolden.all)
  func `an operation gives torch's numbers`(_ golden: OperationGolden) throws {
    var found: [String: [Float]] = [:]
    try golden.run { stage, values in
      found[stage.name] = values.indices.map { values[$0] }
    }
    for (stage, expected) in golden.expected {
      let values = try #require(found[stage])
      try #require(values.count == expected.count)
      let scale = max(1, expected.map(abs).max()!)
      #expect(maximumDifference(values, expected) <= 5e-6 * scale)
    }
  }
}

/// One case of `Formats/vectors/operations.json`.
struct OperationGolden: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var expected: [String: [Float]]
  private var tower: Tower
  private var network: Network
  private var ids: [Int]
  private var weights: NumberedWeights

  static let all: [OperationGolden] = {
    do {
      let path = Fixture.folder.removingLastComponent().removingLastComponent()
        .appending("Formats/vectors/operations.json")
      let file = try MappedFile(path)
      let text = unsafe file.bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
      return try JSON(parsing: text).array!.map { try OperationGolden($0) }
    } catch { fatalError("\(error)") }
  }()

  private init(_ json: JSON) throws {
    testDescription = json["name"]!.string!
    tower = json["image"] == nil ? .text : .image
    network = try Network(parsing: .object([tower.rawValue: json[tower.rawValue]!]))
    ids = json["ids"]?.array?.map { $0.int! } ?? []
    let shapes = json["tensors"]!.object!
    weights = NumberedWeights(
      shapes: Dictionary(
        uniqueKeysWithValues: shapes.keys.map { name in
          (name, Shape(shapes[name]!.array!.map { $0.int! })!)
        }),
      factors: Dictionary(
        uniqueKeysWithValues: (json["factors"]?.object?.keys ?? []).map { name in
          (name, json["factors"]![name]!.double!)
        }))
    let stages = json["expected"]!.object!
    expected = Dictionary(
      uniqueKeysWithValues: stages.keys.map { stage in
        (stage, stages[stage]!.array!.flatMap { $0.array!.map { Float($0.double!) } })
      })
  }

  func run(_ observe: @escaping Observer) throws {
    let graph = try #require(try NetworkGraph(network)[tower])
    let pool = WorkerPool(threads: 1)
    if tower == .image {
      let image = ImageTower(graph, weights: weights, pool: pool)
      let pixels = NumberedWeights.numbers("pixels", image.pixelCount, 1)
      _ = try image.embed(pixels.span, observe: observe)
    } else {
      _ = try TextTower(graph, weights: weights, pool: pool).embed([ids], observe: observe)
    }
  }
}

/// Weights that are the same wherever they are made: `numbers` of `Formats/check_network.py`.
struct NumberedWeights: Weights {
  var shapes: [String: Shape]
  var factors: [String: Double]

  func matrix(_ name: String) throws -> Matrix {
    let values = try vector(name)
    let buffer = Buffer(count: values.count * MemoryLayout<Float>.stride) { bytes in
      unsafe bytes.withUnsafeMutableBytes { bytes in
        unsafe values.withUnsafeBytes { unsafe bytes.copyMemory(from: $0) }
      }
    }
    return try Matrix(Tensor(.float32, shapes[name]!, buffer))
  }

  func vector(_ name: String) throws -> [Float] {
    Self.numbers(name, shapes[name]!.count, factors[name] ?? 1)
  }

  static func numbers(_ name: String, _ count: Int, _ factor: Double) -> [Float] {
    var state = UInt64(crc32(name))
    return (0..<count).map { _ in
      state = (1_103_515_245 * state + 12_345) % (1 << 31)
      let value = Double(state >> 7) / Double(1 << 23) - 1
      switch name.first {
      case "|": return Float((abs(value) + 0.01) * factor)
      case "+": return Float((value + 30) * factor)
      default: return Float(value * factor)
      }
    }
  }

  /// As zlib has it, bit by bit.
  private static func crc32(_ text: String) -> UInt32 {
    var crc = ~UInt32(0)
    for byte in text.utf8 {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB8_8320 }
    }
    return ~crc
  }
}
