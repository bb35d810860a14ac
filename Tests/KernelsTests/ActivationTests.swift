import Kernels
import Testing

@Suite("activation")
struct ActivationTests {
  /// torch.nn.functional.gelu(x, approximate="none") and x * torch.sigmoid(1.702 * x), in float64.
  static let goldens: [(x: Float, gelu: Float, quickGELU: Float)] = [
    (-8, -4.8849813e-15, -9.7664289e-06),
    (-3, -0.0040496941, -0.01807131),
    (-1, -0.15865526, -0.15420423),
    (-0.125, -0.056282723, -0.055876527),
    (0, 0, 0),
    (0.5, 0.34573123, 0.35038844),
    (2, 1.9544997, 1.9356586),
    (9, 9, 8.999998),
  ]

  @Test(arguments: InstructionSet.available)
  func `gives PyTorch's values`(isa: InstructionSet) {
    let x = Self.goldens.map(\.x)
    let zeros = [Float](repeating: 0, count: x.count)
    var gelu = x
    var span = gelu.mutableSpan
    activate(&span, bias: zeros.span, .gelu, using: isa)
    var quick = x
    span = quick.mutableSpan
    activate(&span, bias: zeros.span, .quickGELU, using: isa)
    for (index, golden) in Self.goldens.enumerated() {
      #expect(abs(gelu[index] - golden.gelu) <= 4e-7 * max(abs(golden.x), 1))
      #expect(abs(quick[index] - golden.quickGELU) <= 4e-7 * max(abs(golden.x), 1))
    }
  }

  @Test(arguments: InstructionSet.available, Activation.allCases)
  func `differs from the scalar version by 4e-7 of the argument at most`(
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
    for index in x.indices {
      #expect(abs(fast[index] - reference[index]) <= 4e-7 * abs(x[index]), "at \(x[index])")
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
