#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Multiplies how much an activation's output is felt by the activation's derivative at `x`, which
/// gives how much its input is.
///
/// - Parameters:
///   - x: what went into the activation.
///   - gradient: as many elements.
public func activationGradient(
  _ activation: Activation, at x: Span<Float>, scaling gradient: inout MutableSpan<Float>
) {
  precondition(x.count == gradient.count, "\(gradient.count) gradients of \(x.count) values")
  for i in x.indices { gradient[i] *= activation.derivative(at: x[i]) }
}

extension Activation {
  fileprivate func derivative(at x: Float) -> Float {
    switch self {
    case .none: return 1
    case .quickGELU:
      // (x · σ)′ = σ · (1 + 1.702 · x · (1 − σ)), σ = σ(1.702 x)
      let sigmoid = 1 / (1 + expf(-1.702 * x))
      return sigmoid * (1 + 1.702 * x * (1 - sigmoid))
    case .gelu:
      // (x · Φ)′ = Φ + x · φ
      let half = Float(0.5)
      let area = half * (1 + erff(x * half.squareRoot()))
      return area + x * expf(-half * x * x) * 0.398_942_3
    }
  }
}
