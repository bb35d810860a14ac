import SystemPackage
import Testing

/// What a file of ONNX says, in the words of `onnx.proto`.
struct ExportedGraph {
  var irVersion: Int
  var operatorSet: Int
  var metadata: [String: String]
  var inputs: [String: Value]
  var outputs: [String: Value]
  var nodes: [(operation: String, inputs: [String], outputs: [String])]
  var tensors: [String: Tensor]

  struct Value: Equatable {
    var type: Int
    var extents: [String]
  }

  struct Tensor {
    var extents: [Int]
    var type: Int
    var values: ArraySlice<UInt8>
    var external: [String: String]
  }

  init(_ path: FilePath) throws {
    let model = try MessageReader(path)
    irVersion = try #require(model.integers(1).first)
    operatorSet = try #require(try model.messages(8).first?.integers(2).first)
    metadata = Dictionary(
      uniqueKeysWithValues: try model.messages(14).map { ($0.strings(1)[0], $0.strings(2)[0]) })
    let graph = try #require(try model.messages(7).first)
    func values(_ field: Int) throws -> [String: Value] {
      var result: [String: Value] = [:]
      for value in try graph.messages(field) {
        let type = try value.messages(2)[0].messages(1)[0]
        let extents = try type.messages(2)[0].messages(1).map {
          $0.strings(2).first ?? "\($0.integers(1)[0])"
        }
        result[value.strings(1)[0]] = Value(type: type.integers(1)[0], extents: extents)
      }
      return result
    }
    inputs = try values(11)
    outputs = try values(12)
    nodes = try graph.messages(1).map { ($0.strings(4)[0], $0.strings(1), $0.strings(2)) }
    tensors = [:]
    for tensor in try graph.messages(5) {
      tensors[tensor.strings(8)[0]] = Tensor(
        extents: tensor.integers(1), type: tensor.integers(2)[0],
        values: tensor.bytes(9).first ?? [],
        external: Dictionary(
          uniqueKeysWithValues: try tensor.messages(13).map {
            ($0.strings(1)[0], $0.strings(2)[0])
          }))
    }
  }

  /// Everything that is read has been made before, nothing is made twice, and all outputs are made.
  func checkOrder() {
    var known = Set(inputs.keys).union(tensors.keys)
    #expect(known.count == inputs.count + tensors.count)
    for node in nodes {
      for input in node.inputs { #expect(known.contains(input), "\(input) of \(node)") }
      for output in node.outputs { #expect(known.insert(output).inserted, "\(output)") }
    }
    for output in outputs.keys { #expect(known.contains(output)) }
    let read = Set(nodes.flatMap(\.inputs))
    for tensor in tensors.keys { #expect(read.contains(tensor), "\(tensor) is not read") }
  }
}
