import Architecture
import Concurrency
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Towers

/// Traces of CLIP against what a small change of the weights really does to the answers.
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
      try trace.expectSlope(weights, along: directions) {
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
      try trace.expectSlope(weights, tableRows: 20, along: directions) {
        try tower($0).embed(texts).normalised
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
}
