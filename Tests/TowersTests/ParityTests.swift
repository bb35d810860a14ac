import Architecture
import Bytes
import Concurrency
import Kernels
import SystemPackage
import TestSupport
import Testing
import Towers

/// Both towers against transformers, stage by stage. The models and Python's answers are made by
/// `Scripts/make_models.py Tests/Fixtures/models`.
@Suite("parity")
struct ParityTests {
  static let folders: [FilePath] = {
    let root = Fixture.path("models")
    let names = (try? Folder.names(in: root)) ?? []
    return names.map { root.appending($0) }.filter {
      FileKind(of: $0.appending("config.json")) == .file
    }
  }()

  /// Rounding alone: float32 sums of up to some thousand products.
  static let tolerance: Float = 1e-5

  @Test func `there are models to compare`() {
    #expect(Self.folders.count >= 8)
  }

  @Test(arguments: folders, [1, 2])
  func `the image tower answers like transformers at every stage`(
    folder: FilePath, threads: Int
  ) throws {
    let checkpoint = try CheckpointFolder(folder)
    let reference = try Reference(folder)
    guard let image = checkpoint.configuration.image, let pixels = reference.floats("pixel_values")
    else {
      #expect(checkpoint.configuration.image == nil)
      return
    }
    let tower = ImageTower(
      try checkpoint.configuration.graph().image!, weights: checkpoint,
      pool: WorkerPool(threads: threads))
    var stages: [String: [Float]] = [:]
    let observed = try tower.embed(pixels.span) { stages[$0.name] = Array(copying: $1) }
    for (stage, name) in Self.names(of: image.transformer.layers, "vision") {
      let error = relativeError(
        try #require(stages[stage]), try #require(reference.floats(name)))
      #expect(error <= Self.tolerance, "\(stage) of \(folder.lastComponent!)")
    }
    let expected = try #require(reference.floats("image_embeds"))
    #expect(maximumDifference(observed.normalised, expected) <= Self.tolerance)
    let embeddings = try tower.embed(pixels.span)
    #expect(maximumDifference(embeddings.normalised, expected) <= Self.tolerance)
  }

  @Test(arguments: folders, [1, 2])
  func `the text tower answers like transformers at every stage`(
    folder: FilePath, threads: Int
  ) throws {
    let checkpoint = try CheckpointFolder(folder)
    let reference = try Reference(folder)
    guard let text = checkpoint.configuration.text, let ids = reference.ids else {
      #expect(checkpoint.configuration.text == nil)
      return
    }
    let tower = TextTower(
      try checkpoint.configuration.graph().text!, weights: checkpoint,
      pool: WorkerPool(threads: threads))
    var stages: [String: [Float]] = [:]
    let observed = try tower.embed(ids) { stages[$0.name] = Array(copying: $1) }
    for (stage, name) in Self.names(of: text.transformer.layers, "text") {
      var values = try #require(reference.floats(name))
      if stage != "pooled" {
        // Python computes what follows the pooled token too.
        let rows = try #require(reference.shape(name))[1]
        values = ids.indices.flatMap { index in
          let start = index * rows * text.transformer.width
          return values[start..<start + tower.length(of: ids[index]) * text.transformer.width]
        }
      }
      let error = relativeError(try #require(stages[stage]), values)
      #expect(error <= Self.tolerance, "\(stage) of \(folder.lastComponent!)")
    }
    let expected = try #require(reference.floats("text_embeds"))
    #expect(maximumDifference(observed.normalised, expected) <= Self.tolerance)
    let embeddings = try tower.embed(ids)
    #expect(maximumDifference(embeddings.normalised, expected) <= Self.tolerance)
  }

  @Test(arguments: folders)
  func `the logits are transformers'`(folder: FilePath) throws {
    let checkpoint = try CheckpointFolder(folder)
    let reference = try Reference(folder)
    guard let expected = reference.floats("logits_per_image") else {
      #expect(checkpoint.configuration.image == nil || checkpoint.configuration.text == nil)
      return
    }
    let similarity = Similarity(logScale: try checkpoint.vector(Names.logitScale)[0])
    let logits = similarity.logits(
      images: try #require(reference.floats("image_embeds")),
      texts: try #require(reference.floats("text_embeds")),
      width: checkpoint.configuration.projectionWidth)
    #expect(maximumDifference(logits, expected) <= 1e-6 * similarity.scale)
  }

  /// The names of Python's values for each stage.
  private static func names(of layers: Int, _ tower: String) -> [(String, String)] {
    [("embeddings", "\(tower)_hidden_states.0")]
      + (0..<layers).map { ("block \($0)", "\(tower)_hidden_states.\($0 + 1)") }
      + [("pooled", "\(tower)_pooled")]
  }
}

extension Array {
  init(copying span: Span<Element>) where Element: Copyable {
    self = span.indices.map { span[$0] }
  }
}
