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
  init(_ path: FilePath, _ graph: NetworkGraph) throws {
    self.path = path
    file = try Safetensors(path)
    var (height, columns): (Int?, Int?)
    if case .pixels(_, let rows, let width)? = graph.image?.input {
      (height, columns) = (rows, width)
    }
    let width = graph.width
    try check("pixel_values", .float32, [nil, 3, height, columns])
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

  /// Stages of a tower, where the file has them: `vision_hidden_states.0` is `embeddings`, the
  /// input of the first block, `.K` what comes out of block K, `vision_pooled` what is projected.
  ///
  /// - Parameters:
  ///   - count: of inputs.
  ///   - lengths: how many rows of each input count, for Python computes what follows a text's
  ///     pooled token too; all rows of each stage where it is `nil`.
  func stages(of graph: Graph, count: Int, lengths: [Int]? = nil) -> StageSample? {
    var sample = StageSample()
    for (name, value) in graph.stages {
      let width = graph.values[value].width
      guard let tensor = file.tensor(named: Self.name(of: name, graph.tower)),
        tensor.elementType == .float32
      else { continue }
      let stage = Stage(name, width: width)
      let own = Array(repeating: graph.values[value].rows.constant, count: count)
      let lengths = lengths ?? own
      if tensor.shape.extents == [count, width] {
        let pooled = tensor.floats
        sample.take(stage, pooled.span)
        continue
      }
      guard case let extents = tensor.shape.extents, extents.count == 3,
        extents[0] == count, extents[2] == width, lengths.allSatisfy({ $0 <= extents[1] })
      else { continue }
      let all = tensor.floats
      let rows = lengths.enumerated().flatMap { index, length in
        all[index * extents[1] * width..<(index * extents[1] + length) * width]
      }
      sample.take(stage, rows.span)
    }
    return sample.stages.isEmpty ? nil : sample
  }

  /// What transformers' outputs call a stage.
  static func name(of stage: String, _ tower: Tower) -> String {
    let prefix = tower == .image ? "vision" : "text"
    if stage == "embeddings" { return prefix + "_hidden_states.0" }
    if stage.hasPrefix("block "), let block = Int(stage.dropFirst("block ".count)),
      block < Int.max
    {
      return prefix + "_hidden_states.\(block + 1)"
    }
    return prefix + "_" + stage
  }

  private static func rows(_ tensor: Tensor) -> [[Float]] {
    let all = tensor.floats
    return (0..<tensor.rows).map {
      Array(all[$0 * tensor.columns..<($0 + 1) * tensor.columns])
    }
  }
}
