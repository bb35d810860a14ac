import Bytes
import Conversion
import SystemPackage
import Tensors

/// Where embeddings go as they are made.
protocol EmbeddingSink: AnyObject {
  /// - Parameter name: the path of the picture, or the text.
  func add(_ name: String, _ embedding: [Float]) throws
  /// Notes an input that has none.
  func skip(_ name: String, because reason: String)
  func finish(_ common: Common) throws
}

extension EmbeddingSink {
  func skip(_: String, because _: String) {}
  func finish(_: Common) {}
}

/// Numbers separated by spaces, a line each, on standard output.
final class TextSink: EmbeddingSink {
  func add(_: String, _ embedding: [Float]) throws {
    try emit(embedding.map { "\($0)" }.joined(separator: " "))
  }
}

/// One JSON object on standard output, at the end.
final class JSONSink: EmbeddingSink {
  private let noun: String
  private var names: [JSON] = []
  private var embeddings: [JSON] = []
  private var skipped: [JSON] = []

  init(_ noun: String) { self.noun = noun }

  func add(_ name: String, _ embedding: [Float]) {
    names.append(.string(name))
    embeddings.append(JSON(embedding))
  }

  func skip(_ name: String, because reason: String) {
    skipped.append([noun: .string(name), "error": .string(reason)])
  }

  func finish(_: Common) throws {
    try emit(
      JSON.object([
        "embeddings": .array(embeddings), noun + "s": .array(names), "skipped": .array(skipped),
      ]))
  }
}

/// A JSON object a line, on standard output or in a file.
final class JSONLinesSink: EmbeddingSink {
  private let noun: String
  private var file: AtomicFile?
  private var count = 0

  init(_ noun: String) {
    self.noun = noun
    file = nil
  }

  init(_ noun: String, _ file: consuming AtomicFile) {
    self.noun = noun
    self.file = consume file
  }

  func add(_ name: String, _ embedding: [Float]) throws {
    let line = JSON.object([noun: .string(name), "embedding": JSON(embedding)]).description
    count += 1
    guard file != nil else { return try emit(line) }
    try file?.append(text: line + "\n")
  }

  func finish(_ common: Common) throws {
    guard let file = file.take() else { return }
    let (path, bytes) = (file.destination.string, file.count)
    try file.commit()
    try emit(
      common.json
        ? JSON.object([
          "output": .string(path), "count": .integer(count), "bytes": .integer(bytes),
        ]).description : "\(path): \(counted(count, "line")), \(size(bytes))")
  }
}

/// A NumPy array, and the paths of its rows in a file beside it.
final class NumPySink: EmbeddingSink {
  private let path: FilePath
  private let listPath: FilePath?
  private let separator: UInt8
  private var array: NumPyWriter?
  private var list: AtomicFile?

  /// - Parameter list: `nil` where every input has a row.
  init(_ path: FilePath, width: Int, list: FilePath?, separator: UInt8) throws(FileError) {
    self.path = path
    self.separator = separator
    listPath = list
    array = try NumPyWriter(replacing: path, columns: width)
    if let list { self.list = try AtomicFile(replacing: list) } else { self.list = nil }
  }

  func add(_ name: String, _ embedding: [Float]) throws {
    try list?.append(text: name + String(UnicodeScalar(separator)))
    try array?.append(embedding)
  }

  func finish(_ common: Common) throws {
    guard let array = array.take() else { return }
    let (rows, columns, bytes) = (array.rows, array.columns, array.count)
    if let list = list.take() { try list.commit() }
    try array.commit()
    if common.json {
      var object: JSON.Object = ["output": .string(path.string)]
      object["list"] = listPath.map { .string($0.string) }
      object["shape"] = [.integer(rows), .integer(columns)]
      object["bytes"] = .integer(bytes)
      try emit(JSON.object(object))
    } else {
      let list = listPath.map { "; its rows are named in \($0)" } ?? ""
      try emit("\(path): float32 \(rows)×\(columns), \(size(bytes))\(list)")
    }
  }
}

extension JSON {
  /// Numbers as short as they can be without becoming others as float32.
  fileprivate init(_ embedding: [Float]) {
    self = .array(embedding.map { JSON(finite: Double("\($0)") ?? .nan) })
  }
}

extension AtomicFile {
  fileprivate mutating func append(text: String) throws(FileError) {
    let utf8 = Array(text.utf8)
    try unsafe append(utf8.span.bytes)
  }
}
