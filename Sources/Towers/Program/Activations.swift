internal import Architecture
internal import Kernels

extension Architecture.Activation {
  /// The kernel that computes it.
  var kernel: Kernels.Activation {
    switch self {
    case .quickGELU: .quickGELU
    case .gelu: .gelu
    case .tanhGELU: .tanhGELU
    case .relu: .relu
    case .silu: .silu
    case .sigmoid: .sigmoid
    case .tanh: .tanh
    }
  }
}
