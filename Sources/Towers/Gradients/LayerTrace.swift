/// What went through one matrix of weights, and the gradient of an answer with respect to what came
/// out.
///
/// The answer is a number that depends on the embeddings. So an error E of the weights,
/// `[outputWidth, inputWidth]`, changes the answer by Σ gradient[t]ᵀ · E · input[t] over the rows
/// t, to first order.
public struct LayerTrace: Sendable {
  /// Of the weights.
  public let name: String
  /// Whether `input` holds the ids that were looked up, `[rows, 1]`, of a table whose rows they
  /// name.
  public let isLookup: Bool
  /// `[rows, inputWidth]`
  public let input: [Float]
  /// `[rows, outputWidth]`
  public let gradient: [Float]
  /// Where the rows of each picture or text begin, and after the last one, where they end.
  public let starts: [Int]

  public var rows: Int { starts[starts.count - 1] }
  public var inputWidth: Int { rows == 0 ? 0 : input.count / rows }
  public var outputWidth: Int { rows == 0 ? 0 : gradient.count / rows }
}

/// Looks at a layer's trace while it exists. Layers come in the opposite order of computation.
public typealias Tracer = (LayerTrace) throws -> Void
