internal import Bytes
internal import PackFormat
internal import Tensors

/// A tensor as transformers has it, made of those of a pack.
struct CheckpointTensor {
  var name: String
  var shape: Shape
  /// One after the other, by rows.
  var parts: [PackedTensor]

  /// SigLIP's head stacks what its queries, keys and values are made with.
  private static let stacked = "vision_model.head.attention."
  private static let projections = ["q_proj", "k_proj", "v_proj"]

  /// All of a pack's model, in its order.
  static func all(of pack: Pack) throws(FormatError) -> [CheckpointTensor] {
    let type = try pack.json(.configuration)?["model_type"]?.string ?? ""
    let isSigLIP = type.hasPrefix("siglip")
    var result: [CheckpointTensor] = []
    for tensor in pack.tensors where tensor.isModel {
      if isSigLIP, tensor.name.hasPrefix(stacked),
        let stack = try stack(tensor, pack)
      {
        result += stack.parts.first?.name == tensor.name ? [stack] : []
        continue
      }
      let shape = isSigLIP ? sigLIP(tensor) : tensor.shape
      result.append(CheckpointTensor(name: tensor.name, shape: shape, parts: [tensor]))
    }
    return result
  }

  /// A scalar is an array of one element there, and the head's query a batch of one row.
  private static func sigLIP(_ tensor: PackedTensor) -> Shape {
    if tensor.shape.extents.isEmpty { return [1] }
    return tensor.name == "vision_model.head.probe" ? [1, 1, tensor.shape.count] : tensor.shape
  }

  /// The stack that a tensor is a part of.
  private static func stack(
    _ tensor: PackedTensor, _ pack: Pack
  ) throws(FormatError) -> CheckpointTensor? {
    let rest = tensor.name.dropFirst(stacked.count)
    guard let projection = projections.first(where: { rest.hasPrefix($0 + ".") }) else {
      return nil
    }
    let kind = rest.dropFirst(projection.count + 1)
    let parts = projections.compactMap { pack.tensor("\(stacked)\($0).\(kind)") }
    var extents = tensor.shape.extents
    guard parts.count == projections.count, !extents.isEmpty,
      parts.allSatisfy({ $0.shape == tensor.shape && $0.elementType == tensor.elementType })
    else {
      throw FormatError(
        .inconsistent, "its companions of another shape or type cannot be stacked with it",
        tensor: tensor.name)
    }
    extents[0] *= parts.count
    guard let shape = Shape(extents) else {
      throw FormatError(.invalidField, "\(tensor.shape) overflows", tensor: tensor.name)
    }
    return CheckpointTensor(name: "\(stacked)in_proj_\(kind)", shape: shape, parts: parts)
  }
}
