/// One node of a graph, `NodeProto` of ONNX.
struct ONNXNode {
  var operation: String
  var inputs: [String]
  var outputs: [String]
  var attributes: [(name: String, value: Attribute)] = []

  enum Attribute {
    case float(Float)
    case integer(Int)
    case integers([Int])

    /// `AttributeProto.AttributeType`.
    fileprivate var type: Int {
      switch self {
      case .float: 1
      case .integer: 2
      case .integers: 7
      }
    }
  }

  var message: MessageWriter {
    var message = MessageWriter()
    for input in inputs { message.append(1, input) }
    for output in outputs { message.append(2, output) }
    message.append(3, outputs[0])
    message.append(4, operation)
    for (name, value) in attributes {
      var attribute = MessageWriter()
      attribute.append(1, name)
      switch value {
      case .float(let value): attribute.append(2, float: value)
      case .integer(let value): attribute.append(3, value)
      case .integers(let values): for value in values { attribute.append(8, value) }
      }
      attribute.append(20, value.type)
      message.append(5, attribute)
    }
    return message
  }
}
