internal import Bytes
internal import Tensors

/// A tensor of a graph whose values are known: an initializer, `TensorProto` of ONNX.
struct ONNXTensor {
  var name: String
  var elementType: ElementType
  var shape: Shape
  /// Gives the values, little-endian in row-major order; asked once, when they are written.
  var read: () throws -> Buffer

  /// - Precondition: the elements fill whole bytes.
  var byteCount: Int {
    guard let count = elementType.byteCount(of: shape.count) else {
      preconditionFailure("\(elementType.rawValue) \(shape) fills no whole bytes")
    }
    return count
  }

  /// The message up to its values, which follow where they are not external.
  ///
  /// - Parameter external: the file that holds the values, and where.
  func head(external: (file: String, offset: Int)? = nil) -> MessageWriter {
    guard let type = elementType.onnxCode else {
      preconditionFailure("\(elementType.rawValue) in an export")
    }
    var message = MessageWriter()
    for extent in shape.extents { message.append(1, extent) }
    message.append(2, type)
    message.append(8, name)
    guard let external else {
      message.beginContent(of: 9, count: byteCount)
      return message
    }
    for (key, value) in [
      ("location", external.file), ("offset", "\(external.offset)"), ("length", "\(byteCount)"),
    ] {
      var entry = MessageWriter()
      entry.append(1, key)
      entry.append(2, value)
      message.append(13, entry)
    }
    message.append(14, 1)
    return message
  }
}
