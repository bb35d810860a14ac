internal import Architecture
internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import SystemPackage
internal import Tensors
internal import Towers

/// A Python implementation's answers, as `Scripts/export_reference.py` writes them.
struct ReferenceOutputs {
  private let path: FilePath
  private let file: any TensorFile

  /// - Throws: `Refusal` naming the tensor that does not fit the model.
  init(_ path: FilePath, _ configuration: Configuration) throws {
    self.path = path
    file = try Safetensors(path)
    let (width, size) = (configuration.projectionWidth, configuration.image?.imageSize)
    try check("pixel_values", .float32, [nil, 3, size, size])
    try check("image_embeds", .float32, [nil, width])
    try check("input_ids", .int64, [nil, nil])
    try check("text_embeds", .float32, [nil, width])
    try check("logits_per_image", .float32, [nil, nil])
    try check("pixel_values", "image_embeds")
    try check("input_ids", "text_embeds")
    try check("image_embeds", "logits_per_image")
  }

  /// - Parameter extents: `nil` for one that may be anything but 0.
  private func check(
    _ name: String, _ type: ElementType, _ extents: [Int?]
  ) throws(Refusal) {
    guard let entry = file.entry(named: name) else { return }
    guard entry.elementType == type, entry.shape.extents.count == extents.count,
      entry.shape.count > 0,
      zip(entry.shape.extents, extents).allSatisfy({ $1 == nil || $0 == $1 })
    else {
      let wanted = extents.map { $0.map(String.init) ?? "any" }.joined(separator: "×")
      throw Refusal(
        "'\(path)': \(name) is \(entry.elementType.rawValue) \(entry.shape), \(type.rawValue) "
          + "\(wanted) is needed", about: path)
    }
  }

  /// One row for each image, where the file has them for all texts.
  var logits: [[Float]]? {
    guard let logits = file.tensor(named: "logits_per_image"), let texts,
      logits.columns == texts.embeddings.count
    else { return nil }
    return Self.rows(logits)
  }

  private func check(_ inputs: String, _ outputs: String) throws(Refusal) {
    guard let input = file.entry(named: inputs), let output = file.entry(named: outputs) else {
      return
    }
    guard input.shape.extents[0] == output.shape.extents[0] else {
      throw Refusal(
        "'\(path)': \(inputs) is \(input.shape), \(outputs) is \(output.shape)", about: path)
    }
  }

  /// Pixels, one picture after the other, and the embedding of each.
  var images: (pixels: [Float], embeddings: [[Float]])? {
    guard let pixels = file.tensor(named: "pixel_values"),
      let embeddings = file.tensor(named: "image_embeds")
    else { return nil }
    return (pixels.floats, Self.rows(embeddings))
  }

  /// Token ids of each text, with whatever padding follows the end token, and the embeddings.
  var texts: (ids: [[Int]], embeddings: [[Float]])? {
    guard let ids = file.tensor(named: "input_ids"),
      let embeddings = file.tensor(named: "text_embeds")
    else { return nil }
    let bytes = ids.buffer.bytes
    let rows = (0..<ids.rows).map { row in
      (row * ids.columns..<(row + 1) * ids.columns).map { index in
        Int(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index * 8, as: Int64.self))
      }
    }
    return (rows, Self.rows(embeddings))
  }

  /// Hidden states of a tower, where the file has them: `vision_hidden_states.0` is the input of the
  /// first block, `.K` what comes out of block K, `vision_pooled` what is projected.
  ///
  /// - Parameters:
  ///   - tower: `vision` or `text`.
  ///   - lengths: how many rows of each input count; Python computes what follows a text's pooled
  ///     token too.
  func stages(_ tower: String, layers: Int, width: Int, lengths: [Int]) -> StageSample? {
    let names: [(Stage, String)] =
      [(.embeddings, "\(tower)_hidden_states.0")]
      + (0..<layers).map { (.block($0), "\(tower)_hidden_states.\($0 + 1)") }
    var sample = StageSample()
    for (stage, name) in names {
      guard let tensor = file.tensor(named: name), tensor.elementType == .float32,
        case let extents = tensor.shape.extents, extents.count == 3, extents[0] == lengths.count,
        extents[2] == width, lengths.allSatisfy({ $0 <= extents[1] })
      else { continue }
      let all = tensor.floats
      let rows = lengths.enumerated().flatMap { index, length in
        all[index * extents[1] * width..<(index * extents[1] + length) * width]
      }
      sample.take(stage, rows.span, width: width)
    }
    if let tensor = file.tensor(named: "\(tower)_pooled"), tensor.elementType == .float32,
      tensor.shape.extents == [lengths.count, width]
    {
      let pooled = tensor.floats
      sample.take(.pooled, pooled.span, width: width)
    }
    return sample.stages.isEmpty ? nil : sample
  }

  private static func rows(_ tensor: Tensor) -> [[Float]] {
    let all = tensor.floats
    return (0..<tensor.rows).map {
      Array(all[$0 * tensor.columns..<($0 + 1) * tensor.columns])
    }
  }
}
