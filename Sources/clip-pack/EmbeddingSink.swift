import Bytes
import Datasets
import SystemPackage
import Tensors

/// Where embeddings go as they are made.
protocol EmbeddingSink: AnyObject {
  func add(_ name: Name, _ embedding: [Float]) throws
  /// Notes an input that has none.
  func skip(_ name: Name, because reason: String)
  func finish(_ tally: EmbeddingTally, _ common: Common) throws
}

extension EmbeddingSink {
  func skip(_: Name, because _: String) {}
  func finish(_: EmbeddingTally, _: Common) {}
}

/// What is said of inputs at the end.
struct EmbeddingTally {
  /// How many texts have more tokens than the model reads.
  var truncated = 0
  /// How many pictures could not be read.
  var skipped = 0
  /// What was left out of lists and folders, a clause each.
  var notes: [String] = []
}

/// Numbers separated by spaces, a line each, on standard output.
final class TextSink: EmbeddingSink {
  func add(_: Name, _ embedding: [Float]) throws {
    try emit(embedding.map { "\($0)" }.joined(separator: " "))
  }
}

/// One JSON object on standard output, at the end.
final class JSONSink: EmbeddingSink {
  private let record: EmbeddingRecord
  private var names: [JSON] = []
  private var embeddings: [JSON] = []
  private var skipped: [JSON] = []

  init(_ record: EmbeddingRecord) { self.record = record }

  func add(_ name: Name, _ embedding: [Float]) {
    names.append(name.json)
    embeddings.append(JSON(embedding))
  }

  func skip(_ name: Name, because reason: String) {
    skipped.append(.object(JSON.Object([name.member, ("error", .string(reason))])))
  }

  func finish(_ tally: EmbeddingTally, _: Common) throws {
    var object: JSON.Object = [
      "embeddings": .array(embeddings), record.subject: .array(names),
      "skipped": .array(skipped), "truncated": .integer(tally.truncated),
      "notes": .array(tally.notes.map(JSON.string)),
    ]
    for key in record.json.keys { object[key] = record.json[key] }
    try emit(JSON.object(object))
  }
}

/// A JSON object a line, on standard output or in a file with its record beside it.
final class JSONLinesSink: EmbeddingSink {
  private let record: EmbeddingRecord
  private let width: Int
  private var file: AtomicFile?
  private var count = 0

  init(_ record: EmbeddingRecord, width: Int) {
    self.record = record
    self.width = width
    file = nil
  }

  init(_ record: EmbeddingRecord, width: Int, _ file: consuming AtomicFile) {
    self.record = record
    self.width = width
    self.file = consume file
  }

  func add(_ name: Name, _ embedding: [Float]) throws {
    let line = JSON.object(JSON.Object([name.member, ("embedding", JSON(embedding))])).description
    count += 1
    guard file != nil else { return try emit(line) }
    try file?.append(text: line + "\n")
  }

  func finish(_ tally: EmbeddingTally, _ common: Common) throws {
    guard let file = file.take() else { return }
    let (path, bytes) = (file.destination, file.count)
    let beside = try record.write(
      for: path, list: nil, shape: [count, width], .f32, tally)
    let recordPath = beside.destination
    try file.commit()
    try beside.commit()
    let (written, record) = (PathMember("output", path), PathMember("record", recordPath))
    try emit(
      common.json
        ? JSON.object([
          written.key: written.value, record.key: record.value, "count": .integer(count),
          "bytes": .integer(bytes), "notes": .array(tally.notes.map(JSON.string)),
        ]).description
        : "\(path): \(counted(count, "line")), \(size(bytes)); described in "
          + "\(recordPath)")
  }
}

/// A NumPy array, the paths of its rows in a file beside it, and the record.
final class NumPySink: EmbeddingSink {
  private let record: EmbeddingRecord
  private let path: FilePath
  private let listPath: FilePath?
  private let separator: UInt8
  private var array: NumPyWriter?
  private var list: AtomicFile?

  /// - Parameter list: `nil` where every input has a row.
  init(
    _ record: EmbeddingRecord, _ path: FilePath, extents: [Int], list: FilePath?,
    separator: UInt8, type: VectorType
  ) throws(FileError) {
    self.record = record
    self.path = path
    self.separator = separator
    listPath = list
    array = try NumPyWriter(replacing: path, extents: extents, type: type)
    if let list { self.list = try AtomicFile(replacing: list) } else { self.list = nil }
  }

  func add(_ name: Name, _ embedding: [Float]) throws {
    let line = name.bytes + [separator]
    try unsafe list?.append(line.span.bytes)
    try array?.append(embedding)
  }

  func finish(_ tally: EmbeddingTally, _ common: Common) throws {
    guard let array = array.take() else { return }
    let (extents, bytes, type) = ([array.rows] + array.extents, array.count, array.type)
    let beside = try record.write(for: path, list: listPath, shape: extents, type, tally)
    let recordPath = beside.destination
    if let list = list.take() { try list.commit() }
    try array.commit()
    try beside.commit()
    if common.json {
      let paths: [(String, FilePath?)] = [
        ("output", path), ("list", listPath), ("record", recordPath),
      ]
      let members = paths.compactMap { key, path in path.map { PathMember(key, $0) } }
      var object = JSON.Object(members.map { ($0.key, $0.value) })
      object["shape"] = .array(extents.map { .integer($0) })
      object["bytes"] = .integer(bytes)
      object["notes"] = .array(tally.notes.map(JSON.string))
      try emit(JSON.object(object))
    } else {
      let list = listPath.map { "; its rows are named in \($0)" } ?? ""
      let shape = extents.map { "\($0)" }.joined(separator: "×")
      try emit(
        "\(path): \(type.name) \(shape), \(size(bytes))\(list); described in "
          + "\(recordPath)")
    }
  }
}

extension JSON {
  /// Numbers as short as they can be without becoming others as float32.
  fileprivate init(_ embedding: [Float]) {
    self = .array(embedding.map { JSON(finite: Double("\($0)") ?? .nan) })
  }
}
