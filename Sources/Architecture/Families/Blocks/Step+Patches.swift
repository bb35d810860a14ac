extension Step {
  /// Cuts pictures into square patches, and makes a row of each.
  static func patches(
    to output: String, width: Int, edge: Int, _ module: String, hasBias: Bool
  ) -> Step {
    let patch = Operation.Pair(edge, edge)
    return Step(
      .conv2d(
        Operation.Convolution(
          width: width, kernel: patch, stride: patch, weight: module + ".weight",
          bias: hasBias ? module + ".bias" : nil)), ["pixels"], to: output)
  }
}
