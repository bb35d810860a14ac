internal import Bytes
internal import Kernels
internal import Tensors

/// scale · B · A, to be added to the weight of a linear layer.
struct LowRankUpdate: Sendable {
  let scale: Double
  let rank: Int
  /// (outputs, inputs)
  let shape: Shape
  /// (rank, inputs)
  private let a: [Float]
  /// (outputs, rank)
  private let b: [Float]

  init(
    _ a: TensorEntry, _ b: TensorEntry, scale: Double, _ file: any TensorFile
  ) throws(FormatError) {
    guard a.shape.extents.count == 2, b.shape.extents.count == 2,
      a.elementType.isWeightType, b.elementType.isWeightType,
      case let rank = a.shape.extents[0], rank > 0, b.shape.extents[1] == rank,
      let shape = Shape([b.shape.extents[0], a.shape.extents[1]]), shape.count > 0
    else {
      throw FormatError(
        .unsupported,
        "is \(a.elementType.rawValue) \(a.shape), with lora_B \(b.elementType.rawValue) "
          + "\(b.shape): "
          + "matrices of a linear layer are merged", tensor: a.name)
    }
    self.scale = scale
    self.rank = rank
    self.shape = shape
    self.a = file.tensor(a).widened
    self.b = file.tensor(b).widened
    guard self.a.allSatisfy(\.isFinite), self.b.allSatisfy(\.isFinite) else {
      throw FormatError(.invalidField, "has values that are NaN or infinite", tensor: a.name)
    }
  }

  /// Adds the update to a run of a matrix's elements in row-major order, each rounded once.
  func add(to elements: inout [Float], from first: Int) {
    let columns = shape.extents[1]
    var index = 0
    while index < elements.count {
      let (row, column) = ((first + index) / columns, (first + index) % columns)
      let count = min(columns - column, elements.count - index)
      var sums = [Double](repeating: 0, count: count)
      for inner in 0..<rank {
        let factor = Double(b[row * rank + inner])
        for offset in 0..<count {
          sums[offset] += factor * Double(a[inner * columns + column + offset])
        }
      }
      for offset in 0..<count {
        elements[index + offset] = Float(Double(elements[index + offset]) + scale * sums[offset])
      }
      index += count
    }
  }
}

extension Tensor {
  /// All elements as float32.
  ///
  /// - Precondition: they are float32, float16 or bfloat16.
  var widened: [Float] {
    let input = buffer.bytes
    guard elementType != .float32 else {
      return (0..<shape.count).map { index in
        unsafe input.unsafeLoadUnaligned(fromByteOffset: 4 * index, as: Float.self)
      }
    }
    var floats = [Float](repeating: 0, count: shape.count)
    var output = floats.mutableSpan
    (elementType == .float16 ? Half.float16 : .bfloat16).widen(input, into: &output)
    return floats
  }
}
