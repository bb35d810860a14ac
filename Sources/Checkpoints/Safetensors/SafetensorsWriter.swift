public import Bytes
public import SystemPackage
public import Tensors

/// Writes a safetensors file, tensor after tensor, that appears whole or not at all.
///
/// The header is padded with spaces to a multiple of 8 bytes, as the reference implementation does.
public struct SafetensorsWriter: ~Copyable {
  private var file: AtomicFile
  /// How long the file will be.
  public let count: Int

  /// What is known of a tensor before its bytes are.
  public struct Declaration: Equatable, Sendable {
    public var name: String
    public var elementType: ElementType
    public var shape: Shape

    public init(_ name: String, _ elementType: ElementType, _ shape: Shape) {
      self.name = name
      self.elementType = elementType
      self.shape = shape
    }
  }

  /// Writes the header.
  ///
  /// - Parameters:
  ///   - tensors: in the order in which their bytes will be appended.
  ///   - metadata: strings for `__metadata__`, written in the order of their keys.
  /// - Precondition: names differ, none is `__metadata__`, and each tensor fills whole bytes.
  public init(
    replacing path: FilePath, tensors: [Declaration], metadata: [String: String] = [:]
  ) throws(FileError) {
    let (header, dataCount) = Self.header(of: tensors, metadata: metadata)
    file = try Self.begin(path, header)
    count = file.count + dataCount
  }

  private static func begin(
    _ path: FilePath, _ header: [UInt8]
  ) throws(FileError) -> AtomicFile {
    var file = try AtomicFile(replacing: path)
    let size = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) }
    try unsafe file.append(size.span.bytes)
    try unsafe file.append(header.span.bytes)
    return file
  }

  /// The JSON text that such a file has behind its first 8 bytes, with its padding, and how many
  /// bytes of tensors follow it.
  ///
  /// - Precondition: as of `init`.
  public static func header(
    of tensors: [Declaration], metadata: [String: String] = [:]
  ) -> (text: [UInt8], dataCount: Int) {
    var members = JSON.Object()
    if !metadata.isEmpty {
      var strings = JSON.Object()
      for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { strings[key] = .string(value) }
      members["__metadata__"] = .object(strings)
    }
    var end = 0
    for tensor in tensors {
      precondition(
        members[tensor.name] == nil && tensor.name != "__metadata__",
        "\"\(tensor.name)\" is no new name")
      guard let size = tensor.elementType.byteCount(of: tensor.shape.count) else {
        preconditionFailure("\(tensor.elementType.rawValue) \(tensor.shape) fills no whole bytes")
      }
      members[tensor.name] = [
        "dtype": .string(tensor.elementType.rawValue),
        "shape": .array(tensor.shape.extents.map(JSON.integer)),
        "data_offsets": [.integer(end), .integer(end + size)],
      ]
      end += size
    }
    var text = Array(JSON.object(members).description.utf8)
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    return (text, end)
  }

  /// Appends the next bytes of tensor data: a tensor, several, or a part of one.
  public mutating func append(_ bytes: RawSpan) throws(FileError) {
    precondition(
      file.count + bytes.byteCount <= count,
      "\(file.count + bytes.byteCount) bytes into a file of \(count)")
    try file.append(bytes)
  }

  /// Gives the file its name.
  ///
  /// - Precondition: every byte that the header promises has been appended.
  public consuming func commit() throws(FileError) {
    precondition(file.count == count, "\(file.count) of \(count) bytes have been written")
    try file.commit()
  }
}
