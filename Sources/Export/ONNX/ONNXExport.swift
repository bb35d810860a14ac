internal import Architecture
internal import Bytes
public import ClipPack
internal import PackFormat
public import SystemPackage
internal import Tensors

/// Writes a pack as graphs of ONNX, in the folder that a consumer expects.
public struct ONNXExport {
  public let model: Model
  public var layout: ONNXLayout
  public var form: WeightForm
  /// How long a graph's file may be before its values go into a file of their own.
  package var maximumFileSize = ONNXModel.maximumSize

  public init(_ model: Model, layout: ONNXLayout = .transformersJS, form: WeightForm = .exact) {
    self.model = model
    self.layout = layout
    self.form = form
  }

  /// Writes everything.
  ///
  /// - Parameter overwrites: whether a folder may have files in it, which are replaced.
  /// - Throws: `Refusal` for what the layout cannot say; what is wrong with the pack or with
  ///   writing.
  public func write(
    into path: FilePath, overwriting overwrites: Bool = false
  ) throws -> ExportSummary {
    var folder = try ExportFolder(path, overwriting: overwrites)
    let identity = try Identity(model.pack)
    let companions = CompanionFiles(model)
    var notes: [String] = []
    try checkForm()
    let conformance = try Conformance(model)
    try conformance.checkPadding(model)
    // Refuses before anything is written.
    let texts = try companions.files(for: layout, notes: &notes)
    let created = try Folder.create(path)
    do {
      for (name, graph) in try graphs(identity) {
        try folder.write(graph, name, limit: maximumFileSize)
      }
      let external = folder.files.map(\.name).filter { $0.hasSuffix("_data") }
      for (name, text) in texts {
        let needsPlaces = name == "config.json" && layout == .transformersJS && !external.isEmpty
        try folder.write(needsPlaces ? Self.naming(external, in: text) : text, name)
      }
      try conformance.write(into: &folder, identity, page: conformancePage)
    } catch {
      Folder.removeEmpty(created)
      throw error
    }
    return ExportSummary(files: folder.files, notes: notes)
  }

  /// - Throws: `Refusal` where no product would be one of integers.
  private func checkForm() throws(Refusal) {
    guard form == .dynamic else { return }
    let names = Set(model.graph.parameters.filter { $0.shape.extents.count == 2 }.map(\.name))
    let hasCodes = model.pack.tensors.contains { tensor in
      guard case .grid(let codes, _) = tensor.content else { return false }
      return names.contains(tensor.name) && codes.elementType == .int8
    }
    guard hasCodes else {
      throw Refusal(
        "no matrix of the pack has 8-bit codes, which products of integers need; convert to int8")
    }
  }

  /// Tells transformers.js, which cannot see it, how many files of values each graph has: one.
  private static func naming(_ external: [String], in configuration: String) throws -> String {
    var object = try JSON(parsing: configuration).object ?? [:]
    var counts: JSON.Object = [:]
    for name in external {
      counts[FilePath(String(name.dropLast("_data".count))).lastComponent?.string ?? ""] = 1
    }
    object["transformers.js_config"] = ["use_external_data_format": .object(counts)]
    return JSON.object(object).indented + "\n"
  }

  // MARK: Graphs

  /// The graphs of the layout, each with its file's name.
  private func graphs(_ identity: Identity) throws -> [(String, ONNXModel)] {
    let (image, text) = (model.graph.image, model.graph.text)
    var all: [(String, ONNXModel)] = []
    switch layout {
    case .transformersJS:
      let suffix = form == .dynamic ? "_quantized" : ""
      let batch = ONNXValue.Extent.named("batch_size")
      if let image {
        let value = input(of: image, "pixel_values", batch)
        all.append(
          ("onnx/vision_model\(suffix).onnx", try tower(image, value, "image_embeds", identity)))
      }
      if let text {
        let value = input(of: text, "input_ids", batch)
        all.append(
          ("onnx/text_model\(suffix).onnx", try tower(text, value, "text_embeds", identity)))
      }
      if let image, let text, let scores = model.graph.network.scores {
        all.append(("onnx/model\(suffix).onnx", try both(image, text, scores, identity)))
      }
    case .immich:
      if let image {
        let value = input(of: image, "image", "batch")
        all.append(
          ("visual/model.onnx", try tower(image, value, "image_embedding", identity)))
      }
      if let text {
        let value = ONNXValue(
          name: "text", elementType: .int32,
          extents: ["batch", .fixed(text.tokens.upperBound)])
        all.append(("textual/model.onnx", try tower(text, value, "text_embedding", identity)))
      }
    case .fastembed:
      if let image {
        let value = input(of: image, "pixel_values", "batch_size")
        all.append(("image/model.onnx", try tower(image, value, "image_embeds", identity)))
      }
      if let text {
        let value = input(of: text, "input_ids", "batch_size")
        all.append(("text/model.onnx", try tower(text, value, "text_embeds", identity)))
      }
    }
    return all
  }

  /// Whether the graphs divide embeddings by their norms.
  private var isNormalised: Bool { layout != .transformersJS }

  private func input(
    of graph: Graph, _ name: String, _ batch: ONNXValue.Extent
  ) -> ONNXValue {
    switch graph.input {
    case .pixels(let channels, let height, let width):
      ONNXValue(
        name: name, elementType: .float32,
        extents: [batch, .fixed(channels), .fixed(height), .fixed(width)])
    case .ids:
      ONNXValue(name: name, elementType: .int64, extents: [batch, "sequence_length"])
    case .paddedIDs(let count, _):
      ONNXValue(name: name, elementType: .int64, extents: [batch, .fixed(count)])
    }
  }

  private func translation(
    _ graph: Graph, _ input: String, _ builder: ONNXBuilder
  ) -> TowerTranslation {
    let pack = model.pack
    return TowerTranslation(graph, input: input, form: form, builder: builder) {
      try StoredTensor($0, of: pack)
    }
  }

  private func tower(
    _ graph: Graph, _ input: ONNXValue, _ output: String, _ identity: Identity
  ) throws -> ONNXModel {
    var translation = translation(graph, input.name, ONNXBuilder())
    var embedding = try translation.translate()
    if isNormalised { embedding = translation.builder.normalised(embedding) }
    translation.builder.output(embedding, as: output)
    return file(
      translation.builder, graph.tower.rawValue, [input],
      [
        ONNXValue(
          name: output, elementType: .float32,
          extents: [input.extents[0], .fixed(graph.width)])
      ], identity)
  }

  /// Both towers and what transformers' `CLIPModel` makes of them.
  private func both(
    _ image: Graph, _ text: Graph, _ scores: Network.Scores, _ identity: Identity
  ) throws -> ONNXModel {
    let (images, texts) = (
      ONNXValue.Extent.named("image_batch_size"), ONNXValue.Extent.named("text_batch_size")
    )
    let pixels = input(of: image, "pixel_values", images)
    let ids = input(of: text, "input_ids", texts)
    var builder = ONNXBuilder()
    builder.prefix = "/image"
    var translation = translation(image, pixels.name, builder)
    var imageEmbedding = try translation.translate()
    builder = translation.builder
    imageEmbedding = builder.normalised(imageEmbedding)
    builder.prefix = "/text"
    translation = self.translation(text, ids.name, builder)
    var textEmbedding = try translation.translate()
    textEmbedding = translation.builder.normalised(textEmbedding)
    translation.builder.prefix = ""
    let scale = try translation.vector(scores.scale, [])
    let bias = try scores.bias.map { try translation.vector($0, []) }
    builder = translation.builder
    let turned = builder.add("Transpose", [imageEmbedding], [("perm", .integers([1, 0]))])
    let cosines = builder.add("MatMul", [textEmbedding, turned], name: "cosines")
    var logits = builder.add("Mul", [cosines, builder.add("Exp", [scale])])
    if let bias { logits = builder.add("Add", [logits, bias]) }
    let transposed = builder.add("Transpose", [logits], [("perm", .integers([1, 0]))])
    builder.output(transposed, as: "logits_per_image")
    builder.output(logits, as: "logits_per_text")
    builder.output(textEmbedding, as: "text_embeds")
    builder.output(imageEmbedding, as: "image_embeds")
    let width = ONNXValue.Extent.fixed(image.width)
    func output(_ name: String, _ extents: ONNXValue.Extent...) -> ONNXValue {
      ONNXValue(name: name, elementType: .float32, extents: extents)
    }
    return file(
      builder, "clip", [ids, pixels],
      [
        output("logits_per_image", images, texts), output("logits_per_text", texts, images),
        output("text_embeds", texts, width), output("image_embeds", images, width),
      ], identity)
  }

  private func file(
    _ builder: ONNXBuilder, _ name: String, _ inputs: [ONNXValue], _ outputs: [ONNXValue],
    _ identity: Identity
  ) -> ONNXModel {
    ONNXModel(
      name: name, inputs: inputs, outputs: outputs, nodes: builder.nodes,
      tensors: builder.tensors,
      metadata: identity.metadata + [("clip_pack.weights", form.rawValue)],
      producerVersion: identity.tool)
  }

  private var conformancePage: String {
    let form =
      form == .exact
      ? """
      The graphs hold the pack's own numbers. A runtime that computes in float32 gives every
      element within 1e-5.
      """
      : """
      The graphs quantise activations to 8 bits as they come, so their answers differ from the
      pack's by more than its evidence says. Compare cosines, not elements.
      """
    let rows =
      isNormalised
      ? "The graphs' embeddings are normalised."
      : """
      The outputs of `vision_model` and `text_model` are not normalised, as transformers.js
      expects: divide each row by its L2 norm first. Those of `model` are.
      """
    return form + "\n" + rows
  }
}

extension ONNXBuilder {
  /// Rows over their L2 norms.
  fileprivate mutating func normalised(_ rows: String) -> String {
    let norm = add("ReduceL2", [rows], [("axes", .integers([1])), ("keepdims", .integer(1))])
    return add("Div", [rows, norm], name: "embedding")
  }
}
