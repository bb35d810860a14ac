internal import Architecture
public import Bytes
public import ClipPack
internal import Concurrency
public import SystemPackage

/// Embeds shards into a folder of clip-retrieval's layout, which autofaiss reads:
///
///     img_emb/img_emb_07.npy         a row for each picture, normalised; zeros for one without
///     text_emb/text_emb_07.npy       of captions, where the shard has some; zeros for none
///     metadata/metadata_07.parquet   image_path, caption, error, in step with the rows
///     shards/shard_07.json           what was embedded; written last: the shard is complete
///
/// Source: clip-retrieval 2.44, `clip_inference/writer.py`.
public struct ShardEmbedder: Sendable {
  private let model: Model
  private let folder: FilePath
  private let identity: JSON.Object
  private let type: VectorType
  private let overwrites: Bool

  /// - Parameters:
  ///   - identity: what the embeddings are, `embedding_space` among it; every file has it.
  ///   - overwriting: whether shards that were embedded otherwise are replaced.
  public init(
    _ model: Model, into folder: FilePath, identity: JSON.Object, type: VectorType,
    overwriting: Bool
  ) {
    self.model = model
    self.folder = folder
    self.identity = identity
    self.type = type
    overwrites = overwriting
  }

  /// What became of a shard.
  public struct Summary: Sendable {
    public var rows = 0
    public var failed = 0
    public var hasCaptions = false
  }

  /// Whether a shard is there already, whole.
  ///
  /// - Throws: `Refusal` where it is there and was embedded otherwise, unless it may be replaced.
  public func isComplete(_ shard: Shard) throws -> Bool {
    let path = path("shards/shard_\(shard.name).json")
    guard FileKind(of: path) != nil else { return false }
    let record: JSON
    do { record = try JSON(recordAt: path) } catch let error as FormatError {
      guard !overwrites else { return false }
      throw Refusal("'\(path)' is no record of a shard: \(error)", .exists, about: path)
    }
    let expected = self.record(shard)
    for key in expected.keys where key != "tool_version" {
      guard record[key] != expected[key] else { continue }
      guard !overwrites else { return false }
      throw Refusal(
        "'\(path)' was embedded otherwise: its \(key) is \(record[key]?.excerpt ?? "missing"), now "
          + "it is \(expected[key]?.excerpt ?? "missing")",
        key == "embedding_space" ? .otherSpace : .exists, about: path)
    }
    return true
  }

  /// Embeds a shard; all of its files appear, or none that counts.
  ///
  /// - Parameters:
  ///   - failed: told of each picture that cannot be read, by its key, and why; what it throws ends
  ///     the shard.
  ///   - done: told of each picture.
  /// - Throws: what is wrong with the shard, the weights or the files written.
  public func embed(
    _ shard: Shard, failed: ([UInt8], String) throws -> Void, done: () -> Void
  ) throws -> Summary {
    for name in ["img_emb", "metadata", "shards"] { try Folder.create(path(name)) }
    let reader = Locked(try ShardReader(shard.source))
    let pictures = try model.embeddings(of: {
      try reader.withLock { try $0.next() }.map { ($0, $0.picture) }
    })
    let width = model.graph.width
    var images = try NumPyWriter(
      replacing: path("img_emb/img_emb_\(shard.name).npy"), extents: [width], type: type)
    var metadata = ParquetWriter(columns: ["image_path", "caption", "error"])
    var captions = try CaptionWriter(
      model, path("text_emb/text_emb_\(shard.name).npy"), type)
    var summary = Summary()
    while let picture = try pictures.next() {
      let key = String(decoding: picture.name.key, as: UTF8.self)
      var reason = ""
      switch picture.embedding {
      case .success(let row): try images.append(row)
      case .failure(let error):
        reason = "\(error)"
        try images.append(Array(repeating: 0, count: width))
        summary.failed += 1
        try failed(picture.name.key, reason)
      }
      try captions.append(picture.name.caption)
      metadata.append([key, picture.name.caption ?? "", reason])
      summary.rows += 1
      done()
    }
    summary.hasCaptions = captions.hasAny
    var object = record(shard)
    object["rows"] = .integer(summary.rows)
    object["width"] = .integer(width)
    object["failed"] = .integer(summary.failed)
    object["captions"] = .bool(summary.hasCaptions)
    let table = try metadata.finish(
      path("metadata/metadata_\(shard.name).parquet"),
      metadata: object.keys.map { ($0, object[$0]?.string ?? "\(object[$0] ?? .null)") })
    try images.commit()
    try captions.commit()
    try table.commit()
    var file = try AtomicFile(
      replacing: path("shards/shard_\(shard.name).json"), mayReplaceInput: true)
    try file.append(text: JSON.object(object).indented + "\n")
    try file.commit()
    return summary
  }

  /// What a shard is known by.
  private func record(_ shard: Shard) -> JSON.Object {
    var object: JSON.Object = ["format": "clip-pack shard", "version": 1]
    object["source"] = .string(shard.source.lastComponent?.string ?? "")
    object["source_bytes"] = FileStatus(of: shard.source).map { .integer($0.size) }
    object["index"] = .integer(shard.index)
    object["count"] = .integer(shard.count)
    for key in identity.keys { object[key] = identity[key] }
    object["dtype"] = .string(type.name)
    return object
  }

  private func path(_ name: String) -> FilePath {
    folder.appending(FilePath(name).components)
  }
}

/// The embeddings of captions, a row for each picture; no file where there is no caption.
private struct CaptionWriter: ~Copyable {
  private let model: Model
  private let isReader: Bool
  private var waiting: [String?] = []
  private var array: NumPyWriter?
  private let path: FilePath
  private let type: VectorType
  /// Rows of zeros at the beginning, until there is a caption.
  private var leading = 0

  init(_ model: Model, _ path: FilePath, _ type: VectorType) throws {
    self.model = model
    self.path = path
    self.type = type
    array = nil
    isReader = try model.textTower != nil && model.tokenizer != nil
  }

  var hasAny: Bool { array != nil || waiting.contains { $0 != nil } }

  mutating func append(_ caption: String?) throws {
    guard isReader else { return }
    waiting.append(caption)
    if waiting.count == Model.batchSize { try flush() }
  }

  private mutating func flush() throws {
    let texts = waiting.compactMap(\.self)
    let width = model.graph.width
    let zeros = [Float](repeating: 0, count: width)
    if !texts.isEmpty, array == nil {
      try Folder.create(path.removingLastComponent())
      array = try NumPyWriter(replacing: path, extents: [width], type: type)
      for _ in 0..<leading { try array?.append(zeros) }
    }
    var rows = try model.embed(texts: texts).makeIterator()
    for caption in waiting {
      try array?.append(caption == nil ? zeros : rows.next() ?? zeros)
    }
    leading += waiting.count
    waiting = []
  }

  consuming func commit() throws {
    try flush()
    if let array = array.take() { try array.commit() }
  }
}
