internal import Tensors

/// An input or output of a graph, `ValueInfoProto` of ONNX.
struct ONNXValue {
  var name: String
  var elementType: ElementType
  var extents: [Extent]

  enum Extent: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case fixed(Int)
    /// Any number, of this name.
    case named(String)

    init(integerLiteral value: Int) { self = .fixed(value) }
    init(stringLiteral value: String) { self = .named(value) }
  }

  var message: MessageWriter {
    var shape = MessageWriter()
    for extent in extents {
      var dimension = MessageWriter()
      switch extent {
      case .fixed(let count): dimension.append(1, count)
      case .named(let name): dimension.append(2, name)
      }
      shape.append(1, dimension)
    }
    var tensor = MessageWriter()
    tensor.append(1, elementType.onnxCode ?? 0)
    tensor.append(2, shape)
    var type = MessageWriter()
    type.append(1, tensor)
    var message = MessageWriter()
    message.append(1, name)
    message.append(2, type)
    return message
  }
}
