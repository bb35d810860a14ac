package import Bytes
internal import Tensors

/// What a file of `torch.save` or `torch.jit.save` holds, checked against the file's length; of the
/// tensors no element is read.
package struct PyTorchContents: Sendable {
  /// In the order of the model, each name once.
  package private(set) var tensors: [TensorEntry] = []
  /// Where their elements are, in the same order.
  private(set) var places: [StridedPlace] = []
  /// Of the storages that they lie in: offsets in the file, and the CRC-32 where the file has one.
  private(set) var storages: [(range: Range<Int>, checksum: UInt32?)] = []
  /// What was chosen and what was left out, a sentence each.
  package private(set) var notes: [String] = []

  /// More than any model has.
  static let maximumTensors = 200_000

  /// - Parameter file: a whole file.
  package init(parsing file: Buffer) throws(FormatError) {
    if LegacyStream.isLegacy(file.bytes) {
      let stream = try LegacyStream(parsing: file)
      try self.init(StateDict(of: stream.tree, isScript: false, stream, file.bytes), stream, file)
      return
    }
    let archive = try TorchArchive(parsing: file)
    try self.init(
      StateDict(of: archive.tree, isScript: archive.isScript, archive, file.bytes), archive, file)
    if archive.isScript {
      notes.insert(
        "the file is a TorchScript archive; its code is not run, tensors are taken by their names",
        at: 0)
    }
  }

  private init(
    _ model: StateDict, _ storages: some TorchStorages, _ file: Buffer
  ) throws(FormatError) {
    notes = model.notes
    var known: [String: Int] = [:]
    var total = 0
    for (name, tensor) in model.members {
      do throws(FormatError) {
        let (entry, place) = try Self.entry(name, tensor, storages)
        total = try Self.sum(total, entry, file.count)
        tensors.append(entry)
        places.append(place)
      } catch { throw FormatError(error.code, error.reason, at: error.offset, tensor: name) }
      if known.updateValue(0, forKey: tensor.storage.key) == nil, let place = places.last,
        place.storage.count > 0
      {
        self.storages.append((place.storage, storages.checksum(of: tensor.storage.key)))
      }
    }
  }

  /// All elements of a tensor in row-major order, from the file that was parsed.
  package func elements(of number: Int, in file: Buffer) -> Buffer {
    places[number].gather(0..<tensors[number].byteCount, from: file.bytes)
  }

  /// How many bytes all tensors take, one after the other. Tensors may share what is stored, but
  /// not so that a small file makes work without end.
  private static func sum(
    _ total: Int, _ entry: TensorEntry, _ fileSize: Int
  ) throws(FormatError) -> Int {
    let (sum, overflow) = total.addingReportingOverflow(entry.byteCount)
    let limit = min(fileSize, .max / 8) * 4 + 64 << 20
    guard !overflow, sum <= limit else {
      throw FormatError(
        .unsupported,
        "the tensors up to here take \(overflow ? .max : sum) bytes, the file has \(fileSize); "
          + "four times as many and 64 MiB are allowed for tensors that share what is stored")
    }
    return sum
  }

  static func entry(
    _ name: String, _ tensor: PickledTensor, _ storages: some TorchStorages
  ) throws(FormatError) -> (TensorEntry, StridedPlace) {
    guard name != "__metadata__" else {
      throw FormatError(.unsupported, "has a name that safetensors keeps for itself")
    }
    let storage = tensor.storage
    let type = try elementType(of: tensor)
    guard !storage.isMeta else {
      throw FormatError(
        .unsupported, "is on the device \"meta\", which has no elements; save the loaded model")
    }
    guard let shape = Shape(tensor.extents), shape.extents.count == tensor.strides.count,
      type.byteCount(of: shape.count) != nil
    else {
      throw FormatError(
        .invalidField, "has the sizes \(tensor.extents) and the strides \(tensor.strides)")
    }
    let size = type.bits / 8
    let (whole, overflow) = storage.wholeCount.multipliedReportingOverflow(
      by: storage.type == .untyped ? 1 : size)
    guard !overflow else {
      throw FormatError(.invalidField, "has a storage of \(storage.wholeCount) elements")
    }
    let range = try storages.range(of: storage.key, byteCount: whole)
    let (start, count) =
      storage.type == .untyped
      ? (storage.start / size, storage.count / size) : (storage.start, storage.count)
    let place = try StridedPlace(
      shape: shape, strides: tensor.strides, offset: tensor.offset, size: size, count: count,
      in: range, from: start)
    return (TensorEntry(name, type, shape), place)
  }

  private static func elementType(of tensor: PickledTensor) throws(FormatError) -> ElementType {
    let type = tensor.storage.type == .untyped ? tensor.type : tensor.storage.type
    switch type {
    case .elements(let type): return type
    case .other(let name):
      throw FormatError(.unsupported, "is of \(name), which is not read")
    case .untyped, nil: throw FormatError(.invalidField, "has a storage without a type")
    }
  }
}

/// Where the elements of a file's tensors are.
protocol TorchStorages {
  /// The offsets of a storage in the file.
  ///
  /// - Throws: where there is no such storage, and where it has another length.
  func range(of key: String, byteCount: Int) throws(FormatError) -> Range<Int>

  /// The CRC-32 of a storage's bytes, where the file has one.
  func checksum(of key: String) -> UInt32?
}
