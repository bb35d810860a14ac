internal import Architecture
internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import Evidence
internal import Images
internal import PackFormat
internal import Tensors
internal import Tokenizers
internal import Towers

/// Inputs, and what the pack answers in float32: what another runtime of the same model is checked
/// against.
struct Conformance {
  /// `[N, 3, H, W]`
  private var pixels: (values: [Float], shape: Shape)?
  private var imageEmbeddings: [[Float]] = []
  /// Token ids of each text, without padding.
  private let texts: [[Int]]
  private var textEmbeddings: [[Float]] = []
  private var logits: [[Float]] = []
  /// What fills up the shorter texts.
  private let padding: Int
  /// How many ids each text has, where the tower reads padding too.
  private var length: Int?
  /// Where the probes came from.
  private let origin: String

  /// Runs the model on the probes that the pack carries, or on the built-in ones.
  init(_ model: Model) throws {
    // Whatever the pack recommends: an export computes in float32.
    let exact = try Model(model.pack, keepingMatrices: false)
    let tokenizer = try exact.tokenizer
    let recorded = try Probes(of: exact.pack)
    let probes =
      recorded.imageCount + recorded.texts.count > 0
      ? recorded
      : try Probes.gather(
        graph: exact.graph, preprocessing: exact.preprocessing, tokenizer: tokenizer,
        images: [], texts: [])
    origin = probes.origin
    texts = exact.graph.text == nil ? [] : probes.texts
    padding = Self.padding(exact.graph.text, tokenizer?.padding.map(Int.init))
    if let preprocessing = exact.preprocessing, let image = exact.graph.image,
      case .pixels(3, let height, let width) = image.input, probes.imageCount > 0
    {
      let pictures = try probes.pixels(preprocessing)
      guard let shape = Shape([pictures.count, 3, height, width]) else {
        preconditionFailure("pixels of \(pictures.count) probes")
      }
      let values = pictures.flatMap(\.values)
      pixels = (values, shape)
      imageEmbeddings = try exact.embed(pixels: pictures).rows
    }
    if let tower = exact.textTower, !texts.isEmpty {
      if case .paddedIDs(let count, _) = tower.graph.input { length = count }
      textEmbeddings = try tower.embed(texts).rows
    }
    guard !imageEmbeddings.isEmpty, !textEmbeddings.isEmpty else { return }
    let similarity = try exact.similarity()
    let all = textEmbeddings.flatMap(\.self)
    logits = imageEmbeddings.map {
      similarity.logits(images: $0, texts: all, width: exact.graph.width)
    }
  }

  private static func padding(_ text: Graph?, _ tokenizers: Int?) -> Int {
    guard let text else { return 0 }
    if case .paddedIDs(_, let padding) = text.input { return padding }
    return min(tokenizers ?? text.endOfText, text.vocabularySize - 1)
  }

  /// Texts go through an export in batches of one length, so padding must not change an answer.
  ///
  /// - Throws: `Refusal` where it does.
  func checkPadding(_ model: Model) throws {
    guard let graph = model.graph.text, !texts.isEmpty else { return }
    let most = graph.tokens.upperBound
    let exact = try Model(model.pack, keepingMatrices: false)
    guard let tower = exact.textTower else { return }
    let padded = try tower.embed(padded(to: most)).rows
    let difference = zip(padded, textEmbeddings).map { zip($0, $1).map { abs($0 - $1) }.max() ?? 0 }
    guard let worst = difference.max(), !(worst <= 1e-5) else { return }
    throw Refusal(
      "padding changes what the text tower answers (by \(worst) for texts filled up with id "
        + "\(padding)), and a graph takes batches of one length")
  }

  private func padded(to length: Int) -> [[Int]] {
    texts.map { $0 + Array(repeating: padding, count: max(0, length - $0.count)) }
  }

  /// Writes `conformance/reference.safetensors` and a page about it.
  ///
  /// - Parameter page: what is special about the export.
  func write(into folder: inout ExportFolder, _ identity: Identity, page: String) throws {
    var tensors: [(SafetensorsWriter.Declaration, Buffer)] = []
    func add(_ name: String, _ type: ElementType, _ extents: [Int], _ buffer: Buffer) {
      guard let shape = Shape(extents) else { return }
      tensors.append((SafetensorsWriter.Declaration(name, type, shape), buffer))
    }
    func add(_ name: String, _ rows: [[Float]]) {
      guard let width = rows.first?.count else { return }
      add(name, .float32, [rows.count, width], Buffer(littleEndian: rows.flatMap(\.self)))
    }
    if let pixels {
      add("pixel_values", .float32, pixels.shape.extents, Buffer(littleEndian: pixels.values))
    }
    if let longest = length ?? texts.map(\.count).max() {
      let ids = padded(to: longest).joined().map(Int64.init)
      add("input_ids", .int64, [texts.count, longest], Buffer(littleEndian: ids))
    }
    add("image_embeds", imageEmbeddings)
    add("text_embeds", textEmbeddings)
    add("logits_per_image", logits)
    let name = "conformance/reference.safetensors"
    var writer = try SafetensorsWriter(
      replacing: folder.place(name), tensors: tensors.map(\.0),
      metadata: Dictionary(uniqueKeysWithValues: identity.metadata.map { ($0.key, $0.value) }))
    for (_, buffer) in tensors { try writer.append(buffer.bytes) }
    let count = writer.count
    try writer.commit()
    folder.note(name, count)
    try folder.write(self.page(identity, page, tensors.map(\.0)), "conformance/README.md")
  }

  private func page(
    _ identity: Identity, _ special: String, _ tensors: [SafetensorsWriter.Declaration]
  ) -> String {
    let table = tensors.map { "| `\($0.name)` | \($0.elementType.rawValue) | \($0.shape) |" }
    return """
      # Is this runtime right?

      `reference.safetensors` holds inputs, and the embeddings that the pack gives for them in
      float32, L2-normalised. The probes are those \(origin).

      | tensor | type | shape |
      | --- | --- | --- |
      \(table.joined(separator: "\n"))

      \(special)

      Run your runtime on `pixel_values` and `input_ids` (shorter texts are filled up with id
      \(padding)), normalise what it answers, and compare with `image_embeds` and `text_embeds`.
      To have it judged by the pack's own evidence, write the inputs and your answers into a file
      of the same tensors and run

          clip-pack verify PACK --reference YOURS.safetensors --compute f32

      | | |
      | --- | --- |
      | content digest of the pack | `\(identity.contentDigest)` |
      | embedding space | `\(identity.embeddingSpace)` |

      """
  }
}
