internal import Tensors

extension ElementType {
  /// `TensorProto.DataType` of ONNX; `nil` for types that no export holds.
  var onnxCode: Int? {
    switch self {
    case .float32: 1
    case .uint8: 2
    case .int8: 3
    case .uint16: 4
    case .int16: 5
    case .int32: 6
    case .int64: 7
    case .bool: 9
    case .float16: 10
    case .bfloat16: 16
    default: nil
    }
  }
}
