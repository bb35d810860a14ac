/// How much the input of a LayerNorm is felt, from how much its output is; added to what
/// `inputGradient` holds, as a residual connection wants it.
///
/// - Parameters:
///   - gradient: of the output, `[rows, width]`.
///   - x: the input, `[rows, width]`.
///   - weight: `[width]`.
///   - inputGradient: `[rows, width]`.
/// - Precondition: the shapes fit.
public func layerNormGradient(
  _ gradient: Span<Float>, _ x: Span<Float>, weight: Span<Float>, epsilon: Float,
  addingTo inputGradient: inout MutableSpan<Float>
) {
  let width = weight.count
  precondition(
    width > 0 && x.count % width == 0 && x.count == gradient.count
      && x.count == inputGradient.count,
    "\(x.count), \(gradient.count), \(inputGradient.count) floats in rows of \(width)")
  for start in stride(from: 0, to: x.count, by: width) {
    var sum: Float = 0
    for i in 0..<width { sum += x[start + i] }
    let mean = sum / Float(width)
    var squares: Float = 0
    for i in 0..<width {
      let difference = x[start + i] - mean
      squares += difference * difference
    }
    let inverse = 1 / (squares / Float(width) + epsilon).squareRoot()
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
