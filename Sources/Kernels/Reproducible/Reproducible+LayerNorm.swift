extension Reproducible {
  /// Gives each row mean 0 and variance 1, then scales and shifts its elements.
  ///
  /// - Parameters:
  ///   - x: `[rows, width]`.
  ///   - weight, bias: `[width]`.
  ///   - epsilon: added to the variance, which is the biased one.
  ///   - output: `[rows, width]`; what it holds is replaced.
  /// - Precondition: the shapes fit.
  public static func layerNorm(
    _ x: Span<Float>, weight: Span<Float>, bias: Span<Float>, epsilon: Float,
    into output: inout MutableSpan<Float>
  ) {
    let width = weight.count
    precondition(
      width > 0 && x.count % width == 0 && x.count == output.count && bias.count == width,
      "\(x.count) inputs, \(output.count) outputs, \(width) weights, \(bias.count) biases")
    for start in stride(from: 0, to: x.count, by: width) {
      let (mean, inverse) = moments(x.extracting(start..<start + width), epsilon)
      for i in 0..<width {
        output[start + i] = (x[start + i] - mean) * inverse * weight[i] + bias[i]
      }
    }
  }

  /// The gradient with respect to the input of a LayerNorm from that with respect to its output;
  /// added to what `inputGradient` holds, as a residual connection needs it.
  ///
  /// - Parameters:
  ///   - gradient: of the output, `[rows, width]`.
  ///   - x: the input, `[rows, width]`.
  ///   - weight: `[width]`.
  ///   - inputGradient: `[rows, width]`.
  /// - Precondition: the shapes fit.
  public static func layerNormGradient(
    _ gradient: Span<Float>, _ x: Span<Float>, weight: Span<Float>, epsilon: Float,
    addingTo inputGradient: inout MutableSpan<Float>
  ) {
    let width = weight.count
    precondition(
      width > 0 && x.count % width == 0 && x.count == gradient.count
        && x.count == inputGradient.count,
      "\(x.count), \(gradient.count), \(inputGradient.count) floats in rows of \(width)")
    for start in stride(from: 0, to: x.count, by: width) {
      let (mean, inverse) = moments(x.extracting(start..<start + width), epsilon)
      // With x̂ = (x − mean) · inverse and ĝ = gradient · weight:
      // inverse · (ĝ − mean(ĝ) − x̂ · mean(ĝ · x̂)).
      var plain: Float = 0
      var along: Float = 0
      for i in 0..<width {
        let scaled = gradient[start + i] * weight[i]
        plain += scaled
        along += scaled * (x[start + i] - mean) * inverse
      }
      plain /= Float(width)
      along /= Float(width)
      for i in 0..<width {
        let normed = (x[start + i] - mean) * inverse
        inputGradient[start + i] +=
          inverse * (gradient[start + i] * weight[i] - plain - normed * along)
      }
    }
  }

  /// The mean of a row, and one over its standard deviation.
  private static func moments(_ row: Span<Float>, _ epsilon: Float) -> (mean: Float, inverse: Float)
  {
    var sum: Float = 0
    for i in row.indices { sum += row[i] }
    let mean = sum / Float(row.count)
    var squares: Float = 0
    for i in row.indices { squares += (row[i] - mean) * (row[i] - mean) }
    return (mean, 1 / (squares / Float(row.count) + epsilon).squareRoot())
  }
}
