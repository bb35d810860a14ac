internal import Architecture
internal import Concurrency
internal import Kernels
internal import Platform

/// Replaces each value by its activation.
func apply(
  _ activation: Architecture.Activation, to values: inout MutableSpan<Float>, on pool: WorkerPool
) {
  if let fused = activation.fused {
    let chunk = values.count
    guard chunk > 0 else { return }
    let zeros = [Float](repeating: 0, count: chunk)
    activate(&values, bias: zeros.span, fused)
    return
  }
  for i in values.indices { values[i] = activation(values[i]) }
}

extension Architecture.Activation {
  private static func hyperbolicTangent(_ x: Double) -> Double { 1 - 2 / (exp(2 * x) + 1) }

  /// √(2/π)
  private static let tanhFactor = (2 / Double.pi).squareRoot()

  /// One value, computed in double precision and rounded once.
  func callAsFunction(_ value: Float) -> Float {
    let x = Double(value)
    return switch self {
    case .quickGELU: Float(x / (1 + exp(-1.702 * x)))
    case .gelu: Float(0.5 * x * (1 + erf(x / 2.0.squareRoot())))
    case .tanhGELU:
      Float(0.5 * x * (1 + Self.hyperbolicTangent(Self.tanhFactor * (x + 0.044715 * x * x * x))))
    case .relu: value > 0 || value.isNaN ? value : 0
    case .silu: Float(x / (1 + exp(-x)))
    case .sigmoid: Float(1 / (1 + exp(-x)))
    case .tanh: Float(Self.hyperbolicTangent(x))
    }
  }
}
