internal import Architecture
internal import Bytes
internal import PackFormat
internal import Tensors

/// A tensor as the model's own library has it, made of those of a pack.
struct CheckpointTensor {
  var name: String
  var shape: Shape
  /// One after the other, by rows.
  var parts: [PackedTensor]
  /// Whether the library multiplies with it from the right.
  var isTransposed: Bool

  /// All of a pack's model by file, in its order.
  static func all(
    of pack: Pack
  ) throws(FormatError) -> [(file: String, tensors: [CheckpointTensor])] {
    let family = try family(of: pack)
    let locations = try family?.locations() ?? [:]
    let constants = family?.constants ?? [:]
    var files: [(file: String, tensors: [CheckpointTensor])] = []
    var stacked: Set<String> = []
    for tensor in pack.tensors where tensor.isModel && constants[tensor.name] == nil {
      let location = locations[tensor.name] ?? TensorLocation(tensor.name)
      var parts = [tensor]
      if let part = location.part {
        // With the first of them, all.
        guard stacked.insert(location.file + "\n" + location.name).inserted else { continue }
        parts = try stack(part.count, location, locations, pack, tensor)
      }
      let made = try CheckpointTensor(parts, location)
      if let index = files.firstIndex(where: { $0.file == location.file }) {
        files[index].tensors.append(made)
      } else {
        files.append((location.file, [made]))
      }
    }
    return files
  }

  /// - Throws: `FormatError` for a model that no library has in one folder.
  private static func family(of pack: Pack) throws(FormatError) -> (any Family)? {
    guard let configuration = try pack.json(.configuration) else { return nil }
    let family = try Families.read(configuration)
    guard !(family is ComposedConfiguration) else {
      throw FormatError(
        .unsupported,
        "the towers are those of two sources, which no library has as one model: lossless packs "
          + "give both sources back, of others a pack of each source by itself becomes a "
          + "checkpoint")
    }
    return family
  }

  private init(_ parts: [PackedTensor], _ location: TensorLocation) throws(FormatError) {
    var extents = parts[0].shape.extents
    if parts.count > 1, !extents.isEmpty { extents[0] *= parts.count }
    if location.isTransposed { extents.reverse() }
    extents =
      Array(repeating: 1, count: location.ones.before) + extents
      + Array(repeating: 1, count: location.ones.behind)
    guard let shape = Shape(extents) else {
      throw FormatError(
        .invalidField, "\(parts[0].shape) overflows", tensor: parts[0].name)
    }
    (name, self.shape, self.parts) = (location.name, shape, parts)
    isTransposed = location.isTransposed
  }

  /// The parts of the stack that a tensor is a part of, in their order.
  private static func stack(
    _ count: Int, _ stack: TensorLocation, _ locations: [String: TensorLocation], _ pack: Pack,
    _ tensor: PackedTensor
  ) throws(FormatError) -> [PackedTensor] {
    var parts: [Int: PackedTensor] = [:]
    for (name, location) in locations
    where location.name == stack.name && location.file == stack.file {
      if let part = location.part { parts[part.index] = pack.tensor(name) }
    }
    let found = (0..<count).compactMap { parts[$0] }
    guard found.count == count, !tensor.shape.extents.isEmpty,
      found.allSatisfy({
        $0.shape == tensor.shape && $0.elementType == tensor.elementType
      })
    else {
      throw FormatError(
        .inconsistent, "its companions of another shape or type cannot be stacked with it",
        tensor: tensor.name)
    }
    return found
  }
}
