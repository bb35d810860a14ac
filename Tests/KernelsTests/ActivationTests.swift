import Concurrency
import Kernels
import Platform
import Testing

@Suite("activation")
struct ActivationTests {
  static let arguments: [Float] = [-8, -3, -1, -0.125, 0, 0.5, 2, 9]

  /// torch.nn.functional.gelu(x), x * torch.sigmoid(1.702 * x), gelu(x, approximate="tanh"), relu,
  /// silu, torch.sigmoid and torch.tanh, in float64.
  static let goldens: [(activation: Activation, values: [Float])] = [
    (
      .gelu,
      [
        -4.8849813e-15, -0.0040496941, -0.15865526, -0.056282723, 0, 0.34573123, 1.9544997, 9,
      ]
    ),
    (
      .quickGELU,
      [
        -9.7664289e-06, -0.01807131, -0.15420423, -0.055876527, 0, 0.35038844, 1.9356586,
        8.999998,
      ]
    ),
    (
      .tanhGELU, [0, -0.0036373921, -0.15880801, -0.056282801, 0, 0.34571401, 1.9545977, 9]
    ),
    (.relu, [0, 0, 0, 0, 0, 0.5, 2, 9]),
    (
      .silu,
      [
        -0.002682801, -0.14227762, -0.26894142, -0.058598828, 0, 0.31122967, 1.7615942,
        8.9988894,
      ]
    ),
    (
      .sigmoid,
      [
        0.00033535013, 0.047425873, 0.26894142, 0.46879063, 0.5, 0.62245933, 0.88079708,
        0.99987661,
      ]
    ),
    (
      .tanh,
      [
        -0.99999977, -0.99505475, -0.76159416, -0.124353, 0, 0.46211716, 0.96402758,
        0.99999997,
      ]
    ),
  ]

  @Test(arguments: InstructionSet.available)
  func `gives PyTorch's values`(isa: InstructionSet) {
    for golden in Self.goldens {
      var values = Self.arguments
      var span = values.mutableSpan
      activate(&span, golden.activation, on: WorkerPool(threads: 1), using: isa)
      for (index, x) in Self.arguments.enumerated() {
        let difference = abs(values[index] - golden.values[index])
        #expect(difference <= 4e-7 * max(abs(x), 1), "\(golden.activation) at \(x)")
      }
    }
  }

  @Test(arguments: [0, 1, 16_384, 16_385, 40_000])
  func `is the same for any number of values and threads`(count: Int) {
    let x = normals(count, seed: 6)
    var (whole, shared) = (x, x)
    let bias = [Float](repeating: 0, count: count)
    var span = whole.mutableSpan
    activate(&span, bias: bias.span, .silu)
    span = shared.mutableSpan
    activate(&span, .silu, on: WorkerPool(threads: 3))
    #expect(whole == shared)
  }

  @Test(arguments: InstructionSet.available, Activation.allCases)
  func `is within 4e-7 of the argument of the formula, the same bits everywhere`(
    isa: InstructionSet, activation: Activation
  ) {
    // Every 1/512 from -16 to 16, which is beyond where both functions are 0 or the identity.
    let x = (-8192...8192).map { Float($0) / 512 }
    let bias = [Float](repeating: 0, count: x.count)
    var fast = x
    var reference = x
    var span = fast.mutableSpan
    activate(&span, bias: bias.span, activation, using: isa)
    span = reference.mutableSpan
    activate(&span, bias: bias.span, activation, using: .scalar)
    #expect(fast == reference)
    for index in x.indices {
      let size = activation == .sigmoid ? 1 : abs(x[index])
      let exact = Float(Self.exact(activation, Double(x[index])))
      #expect(abs(fast[index] - exact) <= 4e-7 * size, "at \(x[index])")
    }
  }

  private static func exact(_ activation: Activation, _ x: Double) -> Double {
    switch activation {
    case .none: x
    case .quickGELU: x / (1 + exp(-1.702 * x))
    case .gelu: x / 2 * erfc(-x / 2.0.squareRoot())
    case .tanhGELU: x / (1 + exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)))
    case .relu: max(x, 0)
    case .silu: x / (1 + exp(-x))
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: tanh(x)
    }
  }

  @Test(arguments: InstructionSet.available, counts)
  func `adds the bias to rows of any width and touches nothing else`(
    isa: InstructionSet, width: Int
  ) {
    let x = normals(3 * width, seed: 1)
    let bias = normals(width, seed: 2)
    let (result, isSpared) = sparesSurroundings(3 * width, canary: Float(1e30)) { span in
      span.fill(from: x)
      activate(&span, bias: bias.span, .none, using: isa)
    }
    #expect(isSpared)
    #expect(result == x.indices.map { x[$0] + bias[$0 % width] })
  }

  @Test(arguments: InstructionSet.available, Activation.allCases)
  func `keeps NaN, which no clamp may swallow`(isa: InstructionSet, activation: Activation) {
    var x: [Float] = [1, .nan, 2]
    let bias: [Float] = [0, 0, 0]
    var span = x.mutableSpan
    activate(&span, bias: bias.span, activation, using: isa)
    #expect(x.map(\.isNaN) == [false, true, false])
  }

  @Test(arguments: InstructionSet.available, counts)
  func `a sum is exactly rounded`(isa: InstructionSet, count: Int) {
    let (a, b) = (normals(count, seed: 3), normals(count, seed: 4))
    let (result, isSpared) = sparesSurroundings(count, canary: Float(1e30)) { span in
      span.fill(from: a)
      add(b.span, to: &span, using: isa)
    }
    #expect(isSpared)
    #expect(result == zip(a, b).map(+))
  }
}
