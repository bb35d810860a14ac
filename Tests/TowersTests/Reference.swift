import Bytes
import SystemPackage
import Tensors

/// What Python answers: `reference.safetensors` of Scripts/make_models.py.
struct Reference {
  private let tensors: [String: Tensor]

  init(_ folder: FilePath) throws {
    tensors = try CheckpointFolder.tensors(in: folder.appending("reference.safetensors"))
  }

  func shape(_ name: String) -> [Int]? { tensors[name]?.shape.extents }

  func floats(_ name: String) -> [Float]? { values(name, Float.self, .float32) }

  /// Token ids, a row for each text, padding included.
  var ids: [[Int]]? {
    guard let shape = shape("input_ids"), let ids = values("input_ids", Int64.self, .int64) else {
      return nil
    }
    return (0..<shape[0]).map { ids[$0 * shape[1]..<($0 + 1) * shape[1]].map(Int.init) }
  }

  private func values<Value: BitwiseCopyable>(
    _ name: String, _: Value.Type, _ type: ElementType
  ) -> [Value]? {
    guard let tensor = tensors[name], tensor.elementType == type else { return nil }
    let bytes = tensor.buffer.bytes
    return (0..<tensor.shape.count).map {
      unsafe bytes.unsafeLoadUnaligned(
        fromByteOffset: $0 * MemoryLayout<Value>.size, as: Value.self)
    }
  }
}

/// The largest difference of two lists, over the root mean square of the second.
func relativeError(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count, !b.isEmpty else { return .infinity }
  let square = b.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(b.count)
  return maximumDifference(a, b) / Float(square.squareRoot())
}

func maximumDifference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { most, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(most, difference)
  }
}
