import Tensors
import TestSupport
import Testing
import Towers

extension LayerTrace {
  /// Moves the matrix both ways along a random error and compares the answers' difference with
  /// Σ gradient · E · input.
  ///
  /// - Parameter tableRows: of the table, where the trace is of a lookup.
  func expectSlope(
    _ weights: any Weights, tableRows: Int = 0, along directions: [Float],
    _ embed: (any Weights) throws -> [Float]
  ) throws {
    let (inputs, outputs) = (isLookup ? tableRows : inputWidth, outputWidth)
    let error = floats(inputs * outputs, seed: 5)
    var expected = 0.0
    for row in 0..<rows {
      for output in 0..<outputs {
        let slope = Double(gradient[row * outputs + output])
        if isLookup {
          expected += slope * Double(error[Int(input[row]) * outputs + output])
          continue
        }
        for column in 0..<inputs {
          expected +=
            slope * Double(error[output * inputs + column])
            * Double(input[row * inputs + column])
        }
      }
    }
    let step: Float = 3e-4
    func answer(_ factor: Float) throws -> Double {
      let moved = Moved(weights: weights, name: name, error: error.map { $0 * factor })
      return zip(try embed(moved), directions).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let found = (try answer(step) - answer(-step)) / Double(2 * step)
    #expect(
      abs(found - expected) <= 0.02 * abs(expected) + 2e-3,
      "\(name): \(found), the trace says \(expected)")
  }
}

/// Weights of which one matrix has an error.
private struct Moved: Weights {
  let weights: any Weights
  let name: String
  let error: [Float]

  func matrix(_ name: String) throws -> Matrix {
    let matrix = try weights.matrix(name)
    guard name == self.name else { return matrix }
    var floats = [Float](repeating: 0, count: matrix.rows * matrix.columns)
    var span = floats.mutableSpan
    for row in 0..<matrix.rows { matrix.row(row, into: &span, at: row * matrix.columns) }
    return try Matrix(
      Tensor(
        .float32, [matrix.rows, matrix.columns],
        RandomWeights.buffer(zip(floats, error).map { $0 + $1 })))
  }

  func vector(_ name: String) throws -> [Float] { try weights.vector(name) }
}

/// Evenly distributed from −1 to 1.
func floats(_ count: Int, seed: UInt64) -> [Float] {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
}
