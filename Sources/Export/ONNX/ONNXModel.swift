internal import Bytes
internal import SystemPackage
internal import Tensors

/// A graph with what a file says beside it, `ModelProto` of ONNX.
struct ONNXModel {
  /// Operator set 17 and IR 8 of ONNX 1.12, which every runtime of the last years reads:
  /// `LayerNormalization` came with 17.
  static let (operatorSet, irVersion) = (17, 8)

  /// No message of Protocol Buffers may be longer.
  static let maximumSize = Int(Int32.max)

  var name: String
  var inputs: [ONNXValue] = []
  var outputs: [ONNXValue] = []
  var nodes: [ONNXNode] = []
  var tensors: [ONNXTensor] = []
  var metadata: [(key: String, value: String)] = []
  var producerVersion = ""

  /// Tensors shorter than this stay in the model's own file: shapes are inferred from them.
  private static let shortestExternal = 1_024
  /// Where a tensor begins in a file of its own: at pages, so that it can be mapped.
  private static let externalAlignment = 4_096

  /// How much memory the values take in the file.
  var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// Writes the model, and beside it a file `<name>_data` with the values where they are too many
  /// for one message.
  ///
  /// - Parameter limit: of the model's own file.
  /// - Returns: each file's path and size.
  func write(
    to path: FilePath, limit: Int = maximumSize
  ) throws -> [(path: FilePath, size: Int)] {
    let plain = encode { _, _ in nil }
    let size = plain.head.count + plain.tensors.reduce(0) { $0 + $1.count } + plain.tail.count
    guard size + byteCount > limit else {
      var file = try AtomicFile(replacing: path)
      try file.append(plain.head)
      for (tensor, head) in zip(tensors, plain.tensors) {
        try file.append(head)
        try append(tensor, to: &file)
      }
      try file.append(plain.tail)
      let count = file.count
      try file.commit()
      return [(path, count)]
    }
    return try writeExternally(to: path)
  }

  private func writeExternally(to path: FilePath) throws -> [(path: FilePath, size: Int)] {
    let name = (path.lastComponent?.string ?? "") + "_data"
    let dataPath = path.removingLastComponent().appending(name)
    var data = try AtomicFile(replacing: dataPath)
    var places: [Int?] = []
    for tensor in tensors {
      guard tensor.byteCount >= Self.shortestExternal else {
        places.append(nil)
        continue
      }
      try data.pad(to: Self.externalAlignment)
      places.append(data.count)
      try append(tensor, to: &data)
    }
    let encoded = encode { index, _ in places[index].map { (name, $0) } }
    var file = try AtomicFile(replacing: path)
    try file.append(encoded.head)
    for (index, tensor) in tensors.enumerated() {
      try file.append(encoded.tensors[index])
      if places[index] == nil { try append(tensor, to: &file) }
    }
    try file.append(encoded.tail)
    let sizes = [(path, file.count), (dataPath, data.count)]
    try data.commit()
    try file.commit()
    return sizes
  }

  private func append(_ tensor: ONNXTensor, to file: inout AtomicFile) throws {
    let buffer = try tensor.read()
    precondition(
      buffer.count == tensor.byteCount,
      "\(tensor.name): \(buffer.count) bytes for \(tensor.elementType.rawValue) \(tensor.shape)")
    try file.append(buffer.bytes)
  }

  private typealias Place = (file: String, offset: Int)

  /// What stands before the tensors, before the values of each, and after them.
  private func encode(
    placing place: (Int, ONNXTensor) -> Place?
  ) -> (head: [UInt8], tensors: [[UInt8]], tail: [UInt8]) {
    var content = 0
    let heads = tensors.enumerated().map { index, tensor in
      let external = place(index, tensor)
      let head = tensor.head(external: external).bytes
      let inline = external == nil ? tensor.byteCount : 0
      var field = MessageWriter()
      field.beginContent(of: 5, count: head.count + inline)
      content += field.bytes.count + head.count + inline
      return field.bytes + head
    }
    var begin = MessageWriter()
    for node in nodes { begin.append(1, node.message) }
    begin.append(2, name)
    var end = MessageWriter()
    for input in inputs { end.append(11, input.message) }
    for output in outputs { end.append(12, output.message) }

    var model = MessageWriter()
    model.append(1, Self.irVersion)
    model.append(2, "clip-pack")
    model.append(3, producerVersion)
    var operators = MessageWriter()
    operators.append(1, "")
    operators.append(2, Self.operatorSet)
    model.append(8, operators)
    for (key, value) in metadata {
      var entry = MessageWriter()
      entry.append(1, key)
      entry.append(2, value)
      model.append(14, entry)
    }
    model.beginContent(of: 7, count: begin.bytes.count + content + end.bytes.count)
    return (model.bytes + begin.bytes, heads, end.bytes)
  }
}

extension AtomicFile {
  fileprivate mutating func append(_ bytes: [UInt8]) throws(FileError) {
    try unsafe append(bytes.span.bytes)
  }
}
