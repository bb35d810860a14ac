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

  /// What runs forward alone shows are the rows that the gradients of a trace are not zero for.
  @Test func `inputs of layers are those of traces, of the rows that have gradients`() throws {
    let configuration = CLIPConfiguration.tiny
    let graph = try configuration.graph()
    let weights = try RandomWeights(configuration)
    let pixels = floats(3 * 3 * 9 * 9, seed: 5)
    let texts = [[1, 4, 4, 9, 19], [2, 19], [7, 6, 5, 4, 3, 19, 3]]
    var (expected, found): ([String: [Float]], [String: [Float]]) = ([:], [:])
    func note(_ trace: LayerTrace) {
      guard !trace.isLookup else { return }
      let (width, out) = (trace.inputWidth, trace.outputWidth)
      var rows: [Float] = []
      for row in 0..<trace.rows {
        let gradient = trace.gradient[row * out..<(row + 1) * out]
        guard gradient.contains(where: { $0 != 0 }) else { continue }
        rows += trace.input[row * width..<(row + 1) * width]
      }
      expected[trace.name] = rows
    }
    func note(_ input: LayerInput) {
      #expect(input.rows.count == input.starts.last! * input.width)
      found[input.name] = input.rows
    }
    let image = ImageTower(graph.image!, weights: weights, pool: pool)
    try image.trace(pixels.span, directions: floats(3 * 6, seed: 6)) { note($0) }
    try image.forEachInput(pixels.span) { note($0) }
    let text = TextTower(graph.text!, weights: weights, pool: pool)
    try text.trace(texts, directions: floats(3 * 6, seed: 7)) { note($0) }
    try text.forEachInput(texts) { note($0) }
    // A first token sees itself alone, so that its query has no gradient.
    for name in found.keys where name.hasPrefix("text_model") && name.hasSuffix("q_proj.weight") {
      expected[name] = nil
      found[name] = nil
    }
    #expect(expected.count > 10)
    let different = Set(expected.keys).union(found.keys).filter { found[$0] != expected[$0] }
    #expect(different.sorted() == [])
  }

  private func matrices(
    of tower: Tower, _ configuration: CLIPConfiguration
  ) throws -> Set<String> {
    Set(
      try configuration.graph().parameters.filter { $0.tower == tower && $0.role != .vector }.map(
        \.name))
  }
}
