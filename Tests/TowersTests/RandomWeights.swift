import Architecture
import Bytes
import Concurrency
import Kernels
import Tensors
import TestSupport
import Towers

/// Random weights for any configuration, the same ones for the same names, made when asked for.
final class RandomWeights: Weights {
  /// How a matrix is stored.
  enum Storage { case float32, codes }

  private let shapes: [String: Shape]
  private let storage: Storage
  private let names = Locked<[String]>([])
  /// Tensors whose first extent is one more than it should be.
  private let wrong: Set<String>

  init(
    _ configuration: CLIPConfiguration, _ storage: Storage = .float32, wrong: Set<String> = []
  ) throws {
    shapes = Dictionary(
      uniqueKeysWithValues: try configuration.graph().parameters.map { ($0.name, $0.shape) })
    self.storage = storage
    self.wrong = wrong
  }

  /// The names asked for, in order.
  var asked: [String] { names.withLock { $0 } }

  func matrix(_ name: String) throws -> Matrix {
    let (shape, codes) = note(name)
    switch storage {
    case .float32:
      return try Matrix(Tensor(.float32, shape, Self.buffer(codes.map { Float($0) / 512 })))
    case .codes:
      let steps = [Float](repeating: 1 / 512, count: shape.extents[0])
      return Matrix(
        codes: Tensor(.int8, shape, Self.buffer(codes)), steps: steps,
        pool: WorkerPool(threads: 1))
    }
  }

  func vector(_ name: String) throws -> [Float] { note(name).codes.map { Float($0) / 128 } }

  private func note(_ name: String) -> (shape: Shape, codes: [Int8]) {
    names.withLock { $0.append(name) }
    var extents = shapes[name]!.extents
    if wrong.contains(name) { extents[0] += 1 }
    let shape = Shape(extents)!
    var random = SplitMix64(seed: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    return (shape, (0..<shape.count).map { _ in Int8(truncatingIfNeeded: random.next()) })
  }

  static func buffer<Element: BitwiseCopyable>(_ elements: [Element]) -> Buffer {
    Buffer(count: elements.count * MemoryLayout<Element>.stride) { bytes in
      unsafe bytes.withUnsafeMutableBytes { bytes in
        unsafe elements.withUnsafeBytes { unsafe bytes.copyMemory(from: $0) }
      }
    }
  }
}

extension CLIPConfiguration {
  /// The smallest CLIP that has everything.
  static let tiny = CLIPConfiguration(
    image: Image(
      transformer: Transformer(width: 12, layers: 2, heads: 3, hiddenWidth: 20), imageSize: 9,
      patchSize: 4),
    text: Text(
      transformer: Transformer(
        width: 8, layers: 3, heads: 2, hiddenWidth: 16, activation: .gelu),
      vocabularySize: 20, positions: 7, pooling: .largestID),
    projectionWidth: 6)
}
