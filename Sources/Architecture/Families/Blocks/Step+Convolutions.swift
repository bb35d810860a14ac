extension Step {
  /// A convolution that keeps the map's size but for its stride.
  static func convolution(
    _ x: String, _ module: String, to output: String, _ width: Int, kernel: Int, stride: Int = 1,
    groups: Int = 1, hasBias: Bool = false, add addend: String? = nil,
    activation: Activation? = nil
  ) -> Step {
    Step(
      .conv2d(
        Operation.Convolution(
          width: width, kernel: Operation.Pair(kernel, kernel),
          stride: Operation.Pair(stride, stride),
          padding: Operation.Pair(kernel / 2, kernel / 2), groups: groups,
          weight: module + ".weight", bias: hasBias ? module + ".bias" : nil)), [x],
      to: output, add: addend, activation: activation)
  }

  /// Normalisation of channels by statistics of the training.
  static func batchNorm(
    _ x: String, _ module: String, to output: String, epsilon: Float = 1e-5,
    add addend: String? = nil, activation: Activation? = nil, stage: String? = nil
  ) -> Step {
    Step(
      .batchNorm(
        epsilon: epsilon,
        Operation.BatchNorm(
          weight: module + ".weight", bias: module + ".bias", mean: module + ".running_mean",
          variance: module + ".running_var")), [x], to: output, add: addend,
      activation: activation, stage: stage)
  }

  /// The means of squares.
  static func averagePool(_ x: String, to output: String, by edge: Int) -> Step {
    Step(.averagePool(Operation.Pool(kernel: Operation.Pair(edge, edge))), [x], to: output)
  }
}
