import Architecture
import Bytes
import Concurrency
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Towers

/// Traces of small networks against what a small change of each matrix really does to the answers.
/// Together they pass gradients back through every operation, and each of its forms.
@Suite("gradients of operations") struct OperationGradientTests {
  private let pool = WorkerPool(threads: 2)

  @Test(arguments: SmallNetwork.images)
  func `a change of any image matrix moves the answer by what its trace says`(
    _ network: SmallNetwork
  ) throws {
    let graph = try network.graph(.image)
    let tower = { ImageTower(graph, weights: $0, pool: self.pool) }
    let weights = network.weights(graph)
    let pixels = floats(2 * 3 * 6 * 6, seed: 1)
    let directions = floats(2 * graph.width, seed: 2)
    var names: Set<String> = []
    try tower(weights).trace(pixels.span, directions: directions) { trace in
      names.insert(trace.name)
      try trace.expectSlope(weights, along: directions) {
        try tower($0).embed(pixels.span).normalised
      }
    }
    #expect(names == matrices(graph))
  }

  @Test(arguments: SmallNetwork.texts)
  func `a change of any text matrix moves the answer by what its trace says`(
    _ network: SmallNetwork
  ) throws {
    let graph = try network.graph(.text)
    let tower = { TextTower(graph, weights: $0, pool: self.pool) }
    let weights = network.weights(graph)
    // 1 is hidden where a network has a mask.
    let texts = [[3, 1, 4, 9, 1], [2, 5, 9], [7, 6, 1, 5, 8, 9]]
    let directions = floats(3 * graph.width, seed: 3)
    var names: Set<String> = []
    try tower(weights).trace(texts, directions: directions) { trace in
      names.insert(trace.name)
      try trace.expectSlope(weights, tableRows: 10, along: directions) {
        try tower($0).embed(texts).normalised
      }
    }
    #expect(names == matrices(graph))
  }

  private func matrices(_ graph: Graph) -> Set<String> {
    Set(graph.parameters.filter { $0.role != .vector }.map(\.name))
  }
}

/// A tower of few steps.
struct SmallNetwork: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let steps: String
  var input = #"{"ids": {"least": 1, "most": 6}}"#

  func graph(_ tower: Tower) throws -> Graph {
    let input = tower == .image ? #"{"pixels": [3, 6, 6]}"# : input
    let text = #"{"input": \#(input), "steps": [\#(steps)], "output": "e"}"#
    let network = try Network(parsing: .object([tower.rawValue: try JSON(parsing: text)]))
    return try NetworkGraph(network)[tower]!
  }

  func weights(_ graph: Graph) -> NumberedWeights {
    NumberedWeights(
      shapes: Dictionary(uniqueKeysWithValues: graph.parameters.map { ($0.name, $0.shape) }),
      factors: Dictionary(
        uniqueKeysWithValues: graph.parameters.map { parameter in
          // So that values stay of the order of 1.
          let inputs = parameter.shape.extents.dropFirst().reduce(1, *)
          return (parameter.name, inputs > 1 ? (3 / Double(inputs)).squareRoot() : 1)
        }))
  }

  static let images = [
    SmallNetwork(
      testDescription: "means of windows that overlap and reach beyond the map",
      steps: """
        {"op":"conv2d","from":"pixels","to":"a","width":4,"kernel":[2,2],"weight":"a"},
        {"op":"average_pool","from":"a","to":"b","kernel":[3,3],"stride":[2,2],"padding":[1,1]},
        {"op":"average_pool","from":"a","to":"c","kernel":[2,3],"stride":[2,2],"padding":[0,2]},
        {"op":"add","from":"b","to":"d","activation":"gelu"},
        {"op":"add","from":"c","to":"f","signs":[-1],"activation":"silu"},
        {"op":"concat","from":["d","f"],"to":"g"},
        {"op":"mean","from":"g","to":"h"},
        {"op":"linear","from":"h","to":"e","width":3,"weight":"e.weight","bias":"e.bias"}
        """),
    SmallNetwork(
      testDescription: "a bottleneck with batch normalisation and a projected shortcut",
      steps: """
        {"op":"conv2d","from":"pixels","to":"a","width":4,"kernel":[3,3],"padding":[1,1],
         "weight":"a"},
        {"op":"batch_norm","from":"a","to":"b","epsilon":1e-5,"weight":"b.weight","bias":"b.bias",
         "mean":"b.mean","variance":"|b.variance","activation":"relu"},
        {"op":"conv2d","from":"b","to":"c","width":6,"kernel":[3,2],"stride":[1,2],"padding":[1,0],
         "weight":"c.weight","bias":"c.bias","activation":"silu"},
        {"op":"average_pool","from":"c","to":"d","kernel":[2,1]},
        {"op":"conv2d","from":"d","to":"f","width":5,"kernel":[1,1],"weight":"f"},
        {"op":"average_pool","from":"b","to":"g","kernel":[2,2]},
        {"op":"conv2d","from":"g","to":"h","width":5,"kernel":[1,1],"weight":"h"},
        {"op":"batch_norm","from":"h","to":"i","epsilon":1e-5,"weight":"i.weight","bias":"i.bias",
         "mean":"i.mean","variance":"|i.variance"},
        {"op":"batch_norm","from":"f","to":"j","epsilon":1e-5,"weight":"j.weight","bias":"j.bias",
         "mean":"j.mean","variance":"|j.variance","add":"i","activation":"relu"},
        {"op":"mean","from":"j","to":"k"},
        {"op":"concat","from":["k","j"],"to":"l"},
        {"op":"position","from":"l","to":"m","rows":12,"start":1,"weight":"m"},
        {"op":"linear","from":"m","to":"n","width":4,"weight":"n","activation":"gelu_tanh"},
        {"op":"pick","from":"n","to":"o","row":0},
        {"op":"linear","from":"o","to":"e","width":3,"weight":"e.weight","bias":"e.bias"}
        """),
    SmallNetwork(
      testDescription: "depthwise convolutions and squeeze and excitation",
      steps: """
        {"op":"conv2d","from":"pixels","to":"a","width":4,"kernel":[2,2],"weight":"a"},
        {"op":"conv2d","from":"a","to":"b","width":4,"kernel":[3,3],"padding":[1,1],"groups":4,
         "weight":"b.weight","bias":"b.bias"},
        {"op":"conv2d","from":"b","to":"c","width":8,"kernel":[3,3],"stride":[2,2],"padding":[1,1],
         "groups":2,"weight":"c.weight","activation":"gelu"},
        {"op":"mean","from":"c","to":"s"},
        {"op":"linear","from":"s","to":"t","width":3,"weight":"t.weight","bias":"t.bias",
         "activation":"relu"},
        {"op":"linear","from":"t","to":"u","width":8,"weight":"u.weight","bias":"u.bias",
         "activation":"sigmoid"},
        {"op":"multiply","from":["c","u"],"to":"v","activation":"gelu_tanh"},
        {"op":"linear","from":"v","to":"w","width":8,"weight":"w"},
        {"op":"scale","from":"w","to":"x","weight":"x","add":"v"},
        {"op":"add","from":["x","c","w"],"to":"y","signs":[1,-1,1],"activation":"silu"},
        {"op":"mean","from":"y","to":"z","skip":2},
        {"op":"linear","from":"z","to":"e","width":5,"weight":"e.weight","activation":"tanh"}
        """),
    SmallNetwork(
      testDescription: "a learned query that attends to patches",
      steps: """
        {"op":"conv2d","from":"pixels","to":"a","width":6,"kernel":[2,2],"stride":[2,2],
         "weight":"a.weight","bias":"a.bias"},
        {"op":"position","from":"a","to":"b","rows":9,"start":0,"weight":"b"},
        {"op":"layer_norm","from":"b","to":"c","epsilon":1e-6,"weight":"c.weight","bias":"c.bias"},
        {"op":"parameter","to":"probe","width":6,"rows":2,"weight":"probe"},
        {"op":"linear","from":"probe","to":"q","width":6,"weight":"q.weight","bias":"q.bias"},
        {"op":"linear","from":"c","to":"k","width":6,"weight":"k.weight","bias":"k.bias"},
        {"op":"linear","from":"c","to":"v","width":6,"weight":"v.weight","bias":"v.bias"},
        {"op":"attention","from":["q","k","v"],"to":"m","heads":3},
        {"op":"linear","from":"m","to":"n","width":6,"weight":"n.weight","bias":"n.bias"},
        {"op":"layer_norm","from":"n","to":"o","epsilon":1e-6,"weight":"o.weight"},
        {"op":"linear","from":"o","to":"h","width":7,"weight":"h","activation":"gelu_tanh"},
        {"op":"linear","from":"h","to":"p","width":6,"weight":"p","add":"n","activation":"tanh"},
        {"op":"pick","from":"p","to":"e","row":1}
        """),
    rotary("adjacent"), rotary("halves"),
  ]

  /// Cosines and sines come from matrices too, so that gradients reach the tables.
  private static func rotary(_ pairs: String) -> SmallNetwork {
    SmallNetwork(
      testDescription: "rotated queries and keys, \(pairs)",
      steps: """
        {"op":"parameter","to":"class","width":8,"weight":"class"},
        {"op":"conv2d","from":"pixels","to":"a","width":8,"kernel":[3,3],"stride":[3,3],
         "weight":"a"},
        {"op":"concat","from":["class","a"],"to":"x"},
        {"op":"parameter","to":"angles","width":3,"rows":4,"weight":"angles"},
        {"op":"linear","from":"angles","to":"c","width":2,"weight":"c"},
        {"op":"linear","from":"angles","to":"s","width":2,"weight":"s"},
        {"op":"linear","from":"x","to":"q","width":8,"weight":"q"},
        {"op":"linear","from":"x","to":"k","width":8,"weight":"k"},
        {"op":"linear","from":"x","to":"v","width":8,"weight":"v"},
        {"op":"rotate","from":["q","c","s"],"to":"r","heads":2,"pairs":"\(pairs)","skip":1},
        {"op":"rotate","from":["k","c","s"],"to":"t","heads":2,"pairs":"\(pairs)","skip":1},
        {"op":"attention","from":["r","t","v"],"to":"m","heads":2},
        {"op":"linear","from":"m","to":"n","width":8,"weight":"n","add":"x"},
        {"op":"linear","from":"n","to":"o","width":5,"weight":"o","activation":"silu"},
        {"op":"linear","from":"n","to":"p","width":5,"weight":"p"},
        {"op":"multiply","from":["o","p"],"to":"y"},
        {"op":"multiply","from":["y","y"],"to":"z"},
        {"op":"pick","from":"z","to":"w","row":0},
        {"op":"linear","from":"w","to":"e","width":3,"weight":"e"}
        """)
  }

  static let texts = [
    SmallNetwork(
      testDescription: "a masked block with its norms behind, and a masked mean",
      steps: """
        {"op":"mask","from":"ids","to":"seen","hidden":1},
        {"op":"lookup","from":"ids","to":"a","rows":10,"width":6,"scale":2.5,"weight":"a"},
        {"op":"position","from":"a","to":"b","rows":2,"row":1,"weight":"b"},
        {"op":"position","from":["b","seen"],"to":"c","rows":9,"start":2,"weight":"c"},
        {"op":"layer_norm","from":"c","to":"x","epsilon":1e-12,"weight":"x.weight",
         "bias":"x.bias"},
        {"op":"linear","from":"x","to":"q","width":6,"weight":"q.weight","bias":"q.bias"},
        {"op":"linear","from":"x","to":"k","width":6,"weight":"k"},
        {"op":"linear","from":"x","to":"v","width":6,"weight":"v"},
        {"op":"attention","from":["q","k","v","seen"],"to":"m","heads":2},
        {"op":"linear","from":"m","to":"n","width":6,"weight":"n.weight","bias":"n.bias","add":"x"},
        {"op":"layer_norm","from":"n","to":"o","epsilon":1e-12,"weight":"o.weight",
         "bias":"o.bias"},
        {"op":"linear","from":"o","to":"h","width":9,"weight":"h","activation":"gelu"},
        {"op":"linear","from":"h","to":"p","width":6,"weight":"p","add":"o"},
        {"op":"layer_norm","from":"p","to":"r","epsilon":1e-12,"weight":"r.weight",
         "bias":"r.bias"},
        {"op":"mean","from":["r","seen"],"to":"s"},
        {"op":"linear","from":"s","to":"t","width":5,"weight":"t","activation":"gelu"},
        {"op":"linear","from":"t","to":"e","width":4,"weight":"e"}
        """),
    SmallNetwork(
      testDescription: "causal attention that sees no padding, and a class token at the end",
      steps: """
        {"op":"mask","from":"ids","to":"seen","hidden":1,"before":1},
        {"op":"lookup","from":"ids","to":"a","rows":10,"width":6,"weight":"a"},
        {"op":"parameter","to":"class","width":6,"weight":"class"},
        {"op":"linear","from":"class","to":"b","width":6,"weight":"b","activation":"quick_gelu"},
        {"op":"concat","from":["a","b"],"to":"x"},
        {"op":"linear","from":"x","to":"q","width":6,"weight":"q"},
        {"op":"linear","from":"x","to":"k","width":6,"weight":"k"},
        {"op":"linear","from":"x","to":"v","width":6,"weight":"v"},
        {"op":"attention","from":["q","k","v","seen"],"to":"m","heads":2,"causal":true},
        {"op":"add","from":["m","x"],"to":"n","signs":[-1,-1]},
        {"op":"pick","from":"n","to":"o","row":"last"},
        {"op":"linear","from":"o","to":"e","width":4,"weight":"e"}
        """,
      input: #"{"ids": {"exactly": 6, "padding": 1}}"#),
    SmallNetwork(
      testDescription: "the largest id, of rounds whose values are read outside",
      steps: """
        {"op":"lookup","from":"ids","to":"a","rows":10,"width":6,"weight":"a"},
        {"op":"position","from":"a","to":"x","rows":6,"start":0,"weight":"x"},
        {"repeat":3,"prefix":"r#.","from":"x","to":"y","steps":[
        {"op":"linear","from":"x","to":"q","width":6,"weight":"q"},
        {"op":"linear","from":"x","to":"v","width":6,"weight":"v","activation":"sigmoid"},
        {"op":"attention","from":["q","x","v"],"to":"m","heads":3,"causal":true},
        {"op":"multiply","from":["m","a"],"to":"n","activation":"tanh"},
        {"op":"linear","from":"n","to":"y","width":6,"weight":"n","add":"x"}]},
        {"op":"pick","from":["y","ids"],"to":"p","token":"largest"},
        {"op":"linear","from":"p","to":"e","width":4,"weight":"e"}
        """),
  ]
}
