internal import Kernels
internal import Platform

/// How well pictures and texts match.
public struct Similarity: Sendable {
  /// What cosines are multiplied with: `exp(logit_scale)`.
  public let scale: Float
  /// Added to scaled cosines.
  public let bias: Float
  /// Whether each pair has a probability of its own, instead of a share among the texts.
  public let isIndependent: Bool

  /// - Parameters:
  ///   - logScale: the `logit_scale` of a checkpoint, which is a logarithm.
  ///   - bias: its `logit_bias`.
  ///   - isIndependent: whether probabilities are sigmoids.
  public init(logScale: Float, bias: Float = 0, isIndependent: Bool = false) {
    self.init(scale: exp(logScale), bias: bias, isIndependent: isIndependent)
  }

  public init(scale: Float, bias: Float = 0, isIndependent: Bool = false) {
    self.scale = scale
    self.bias = bias
    self.isIndependent = isIndependent
  }

  /// Scaled cosines of all pairs, `[images, texts]`: transformers' `logits_per_image`.
  ///
  /// - Parameters:
  ///   - images: `[images, width]`, normalised.
  ///   - texts: `[texts, width]`, normalised.
  public func logits(images: [Float], texts: [Float], width: Int) -> [Float] {
    Self.cosines(images, texts, width: width).map { $0 * scale + bias }
  }

  /// For each image how likely each text is, `[images, texts]`: shares that sum to 1, or each by
  /// itself where the model was trained so.
  public func probabilities(images: [Float], texts: [Float], width: Int) -> [Float] {
    let count = texts.count / width
    var rows = logits(images: images, texts: texts, width: width)
    guard count > 0 else { return rows }
    guard !isIndependent else { return rows.map { 1 / (1 + exp(-$0)) } }
    var span = rows.mutableSpan
    softmax(&span, width: count)
    return rows
  }

  /// The cosines of all pairs of rows, `[a rows, b rows]`, summed in double precision.
  ///
  /// - Precondition: both have normalised rows of `width`.
  public static func cosines(_ a: [Float], _ b: [Float], width: Int) -> [Float] {
    precondition(
      width > 0 && a.count % width == 0 && b.count % width == 0,
      "\(a.count) and \(b.count) floats in rows of \(width)")
    var result: [Float] = []
    result.reserveCapacity(a.count / width * (b.count / width))
    for i in stride(from: 0, to: a.count, by: width) {
      for j in stride(from: 0, to: b.count, by: width) {
        var sum = 0.0
        for c in 0..<width { sum += Double(a[i + c]) * Double(b[j + c]) }
        result.append(Float(sum))
      }
    }
    return result
  }
}
