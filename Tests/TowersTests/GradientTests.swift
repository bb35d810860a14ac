import Architecture
import Concurrency
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Towers

/// Traces against what a small change of the weights really does to the answers.
@Suite struct GradientTests {
  private let pool = WorkerPool(threads: 2)

  @Test(arguments: [CLIPConfiguration.Activation.quickGELU, .gelu])
  func `a change of any image matrix moves the answer by what its trace says`(
    activation: CLIPConfiguration.Activation
  ) throws {
    var configuration = CLIPConfiguration.tiny
    configuration.image!.transformer.activation = activation
    let graph = try configuration.graph().image!
    let pixels = floats(2 * 3 * 9 * 9, seed: 1)
    let directions = floats(2 * 6, seed: 2)
    var names: Set<String> = []
    func tower(_ weights: any Weights) -> ImageTower {
      ImageTower(graph, weights: weights, pool: pool)
    }
    let weights = try RandomWeights(configuration)
    try tower(weights).trace(pixels.span, directions: directions) { trace in
      names.insert(trace.name)
      try expectSlope(trace, weights, along: directions) {
        try tower($0).embed(pixels.span).normalised
      }
    }
    #expect(try names == matrices(of: .image, configuration))
  }

  @Test(arguments: [CLIPConfiguration.Activation.quickGELU, .gelu])
  func `a change of any text matrix moves the answer by what its trace says`(
    activation: CLIPConfiguration.Activation
  ) throws {
    var configuration = CLIPConfiguration.tiny
    configuration.text!.transformer.activation = activation
    let graph = try configuration.graph().text!
    let texts = [[1, 4, 4, 9, 19], [2, 19], [7, 6, 5, 4, 3, 2, 19]]
    let directions = floats(3 * 6, seed: 3)
    var names: Set<String> = []
    func tower(_ weights: any Weights) -> TextTower {
      TextTower(graph, weights: weights, pool: pool)
    }
    let weights = try RandomWeights(configuration)
    try tower(weights).trace(texts, directions: directions) { trace in
      names.insert(trace.name)
      var trace = trace
      if trace.isLookup {
        // A table of 20 rows is a matrix whose input is all zero but for the token.
        let inputs = trace.input.flatMap { id in (0..<20).map { $0 == Int(id) ? Float(1) : 0 } }
        trace = LayerTrace(
          name: trace.name, isLookup: true, input: inputs, gradient: trace.gradient,
          starts: trace.starts)
        try expectSlope(trace, weights, isTable: true, along: directions) {
          try tower($0).embed(texts).normalised
        }
      } else {
        try expectSlope(trace, weights, along: directions) {
          try tower($0).embed(texts).normalised
        }
      }
    }
    #expect(try names == matrices(of: .text, configuration))
  }

  private func matrices(
    of tower: Tower, _ configuration: CLIPConfiguration
  ) throws -> Set<String> {
    Set(
      try configuration.graph().parameters.filter { $0.tower == tower && $0.role != .vector }.map(
        \.name))
  }

  /// Moves a matrix both ways along a random error and compares the answers' difference with
  /// Σ gradient · E · input.
  private func expectSlope(
    _ trace: LayerTrace, _ weights: RandomWeights, isTable: Bool = false, along directions: [Float],
    _ embed: (any Weights) throws -> [Float]
  ) throws {
    let (inputs, outputs) = (trace.inputWidth, trace.outputWidth)
    let error = floats(inputs * outputs, seed: 5)
    var expected = 0.0
    for row in 0..<trace.rows {
      for output in 0..<outputs {
        let felt = Double(trace.gradient[row * outputs + output])
        for input in 0..<inputs {
          let place = isTable ? input * outputs + output : output * inputs + input
          expected += felt * Double(error[place]) * Double(trace.input[row * inputs + input])
        }
      }
    }
    let step: Float = 1e-3
    func answer(_ factor: Float) throws -> Double {
      let moved = Moved(weights: weights, name: trace.name, error: error.map { $0 * factor })
      return zip(try embed(moved), directions).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let found = (try answer(step) - answer(-step)) / Double(2 * step)
    #expect(
      abs(found - expected) <= 0.02 * abs(expected) + 2e-3,
      "\(trace.name): \(found), the trace says \(expected)")
  }

  private func floats(_ count: Int, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
  }
}

/// Weights of which one matrix has an error.
private struct Moved: Weights {
  let weights: RandomWeights
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
