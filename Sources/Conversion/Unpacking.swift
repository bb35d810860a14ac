internal import Architecture
internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import Kernels
public import PackFormat
public import SystemPackage
internal import Tensors
internal import Tokenizers

/// Writes a checkpoint of a pack: from a lossless pack of both towers the very source files, else
/// one `model.safetensors` with transformers' names; and the files beside it.
public enum Unpacking {
  /// What was written.
  public struct Summary: Sendable {
    public var files: [(name: String, size: Int)] = []
    /// Whether the weight files are the source's, byte for byte, by their SHA-256.
    public var isSource = false
  }

  /// - Parameter overwrites: whether files that are there already are replaced.
  /// - Throws: what is wrong with the pack, or with writing; the folder is gone then if it was not
  ///   there before and nothing is in it.
  public static func run(
    _ pack: Pack, into folder: FilePath, overwriting overwrites: Bool = false
  ) throws -> Summary {
    let created = try Folder.create(folder)
    do {
      return try write(pack, folder, overwriting: overwrites)
    } catch {
      Folder.removeEmpty(created)
      throw error
    }
  }

  private static func write(
    _ pack: Pack, _ folder: FilePath, overwriting overwrites: Bool
  ) throws -> Summary {
    var summary = Summary()
    let model = try Model(pack, keepingMatrices: false)
    let sources = try SourceFile.all(of: pack)
    let index = sources == nil ? nil : try SourceFile.index(of: pack)
    var texts = [("config.json", model.configuration.json.indented + "\n")]
    if let preprocessing = model.preprocessing {
      texts.append(("preprocessor_config.json", preprocessing.json.indented + "\n"))
    }
    if let tokenizer = try model.tokenizer { texts += tokenizer.files }
    let weights = sources.map { $0.map(\.name) } ?? ["model.safetensors"]
    try check(
      weights + (index.map { [$0.name] } ?? []) + texts.map(\.0), folder, overwriting: overwrites)
    if let sources {
      for file in sources {
        try file.write(pack, into: folder)
        summary.files.append((file.name, file.size))
      }
      if let (name, bytes) = index { try write(bytes.bytes, name, folder, &summary) }
      summary.isSource = true
    } else {
      try writeWeights(of: pack, folder, &summary)
    }
    for (name, text) in texts {
      let utf8 = Array(text.utf8)
      try unsafe write(utf8.span.bytes, name, folder, &summary)
    }
    return summary
  }

  /// - Throws: `Refusal` for a name that two files would have, and for files that are there already.
  private static func check(
    _ names: [String], _ folder: FilePath, overwriting overwrites: Bool
  ) throws(Refusal) {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw Refusal("the pack names two files \"\(name)\"")
    }
    let paths = names.map { folder.appending(FilePath($0).components) }
    let there = overwrites ? [] : paths.filter { FileKind(of: $0) != nil }
    if let first = there.first {
      let more = there.count > 1 ? ", and so are \(there.count - 1) more that would be written" : ""
      throw Refusal("'\(first)' is there already\(more)", .exists, about: first)
    }
  }

  private static func writeWeights(
    of pack: Pack, _ folder: FilePath, _ summary: inout Summary
  ) throws {
    let tensors = pack.tensors.filter(\.isModel)
    var writer = try SafetensorsWriter(
      replacing: folder.appending("model.safetensors"),
      tensors: tensors.map { .init($0.name, $0.elementType, $0.shape) },
      metadata: ["format": "pt"])
    summary.files.append(("model.safetensors", writer.count))
    for tensor in tensors {
      let buffer = try pack.decoded(tensor).buffer
      try writer.append(buffer.bytes)
      pack.release(tensor)
    }
    try writer.commit()
  }

  private static func write(
    _ bytes: RawSpan, _ name: String, _ folder: FilePath, _ summary: inout Summary
  ) throws(FileError) {
    var file = try AtomicFile(replacing: folder.appending(name))
    try file.append(bytes)
    try file.commit()
    summary.files.append((name, bytes.byteCount))
  }
}

/// One weight file of the source, as a lossless pack's provenance tells of it.
private struct SourceFile {
  var name: String
  var size: Int
  var digest: String
  var number: Int
  /// For each tensor in the order of its bytes: the pack's tensors that it is made of.
  var tensors: [Parts]

  enum Parts {
    case inOrder([String])
    case transposed(String)

    var names: [String] {
      switch self {
      case .inOrder(let names): names
      case .transposed(let name): [name]
      }
    }
  }

  /// All of them; `nil` for a pack that does not hold its source.
  static func all(of pack: Pack) throws -> [SourceFile]? {
    guard let provenance = try pack.json(.provenance), let files = provenance["files"]?.array,
      !files.isEmpty, files.allSatisfy({ $0["tensors"] != nil })
    else { return nil }
    return try files.enumerated().map { try SourceFile($0, $1) }
  }

  /// The index of shards, where the source had one.
  static func index(of pack: Pack) throws -> (name: String, bytes: Buffer)? {
    guard let bytes = try pack.section(Provenance.indexName),
      let name = try pack.json(.provenance)?["index"]?.string
    else { return nil }
    do throws(FormatError) {
      guard try JSON(parsing: bytes.bytes.array.span)["weight_map"]?.object != nil else {
        throw FormatError(.invalidField, "it has no weight_map")
      }
    } catch { throw Refusal("section \"\(Provenance.indexName)\" is no index of shards: \(error)") }
    return (try checkpointName(name, ".safetensors.index.json"), bytes)
  }

  private init(_ number: Int, _ json: JSON) throws {
    guard let name = json["name"]?.string, let size = json["size"]?.natural,
      let digest = json["sha256"]?.string, let tensors = json["tensors"]?.array
    else {
      throw Refusal("provenance.files[\(number)] lacks one of name, size, sha256 and tensors")
    }
    self.name = try checkpointName(name, ".safetensors")
    self.size = size
    self.digest = digest
    self.number = number
    self.tensors = try tensors.map { entry in
      if let name = entry["transposed"]?.string { return .transposed(name) }
      guard let names = entry.array?.compactMap(\.string), !names.isEmpty else {
        throw Refusal("provenance.files[\(number)].tensors has an entry that names no tensor")
      }
      return .inOrder(names)
    }
  }

  func write(_ pack: Pack, into folder: FilePath) throws {
    guard let header = try pack.section(Provenance.headerName(number)) else {
      throw Refusal("section \"\(Provenance.headerName(number))\" is missing")
    }
    try checkSize(pack, header)
    let path = folder.appending(FilePath(name).components)
    try Folder.create(path.removingLastComponent())
    var file = HashedFile(file: try AtomicFile(replacing: path))
    try file.append(Buffer(littleEndian: [UInt64(header.count)]))
    try file.append(header)
    for parts in tensors {
      switch parts {
      case .inOrder(let names):
        for name in names { try file.append(tensor(name, pack).buffer) }
      case .transposed(let name):
        try file.append(tensor(name, pack).transposed)
      }
    }
    let found = file.digest.finish().description
    guard found == self.digest else {
      throw Refusal(
        "'\(path)' would have SHA-256 \(found), the source had \(self.digest)", about: path)
    }
    // Whatever the digests say: no bytes are written but those of a checkpoint.
    _ = try Safetensors(file.file.workingPath)
    try file.commit()
  }

  /// A file that knows the digest of what has been appended.
  private struct HashedFile: ~Copyable {
    var file: AtomicFile
    var digest = RunningDigest()

    mutating func append(_ buffer: Buffer) throws(FileError) {
      digest.update(buffer.bytes)
      try file.append(buffer.bytes)
    }

    consuming func commit() throws(FileError) { try file.commit() }
  }

  /// The parts make up the size that the provenance says, so that no more is ever written.
  private func checkSize(_ pack: Pack, _ header: Buffer) throws {
    var left = size - 8 - header.count
    for name in tensors.flatMap(\.names) {
      guard let tensor = pack.tensor(name) else {
        throw Refusal("provenance.files[\(number)] names tensor \"\(name)\", which the pack lacks")
      }
      left -= tensor.elementType.byteCount(of: tensor.shape.count) ?? 0
      guard left >= 0 else { break }
    }
    guard left == 0 else {
      throw Refusal("the tensors of source file '\(name)' do not make up its \(size) bytes")
    }
  }

  private func tensor(_ name: String, _ pack: Pack) throws -> Tensor {
    guard let tensor = pack.tensor(name) else {
      throw Refusal("provenance.files[\(number)] names tensor \"\(name)\", which the pack lacks")
    }
    defer { pack.release(tensor) }
    return try pack.decoded(tensor)
  }
}

/// The name of a file of a checkpoint, as a pack gives it: with the ending that its content has, and
/// in the folder or below it. None begins with a dot, as the files that programs obey do.
private func checkpointName(_ name: String, _ ending: String) throws(Refusal) -> String {
  let path = FilePath(name)
  guard name.hasSuffix(ending), !path.isAbsolute, !name.utf8.contains(0), !name.contains("\\"),
    path.string == name, path.components.allSatisfy({ $0.kind == .regular }),
    path.components.allSatisfy({ !$0.string.hasPrefix(".") })
  else {
    throw Refusal(
      "the pack names a source file \(JSON.string(name).excerpt), a name that ends in \(ending), in "
        + "the folder or below it, is needed")
  }
  return name
}

extension Tensor {
  /// The elements of a matrix, column by column.
  fileprivate var transposed: Buffer {
    let size = elementType.bits / 8
    let input = buffer.bytes
    let (rows, columns) = (rows, columns)
    return Buffer(count: buffer.count) { output in
      for column in 0..<columns {
        for row in 0..<rows {
          for byte in 0..<size {
            output.storeBytes(
              of: input[(row * columns + column) * size + byte],
              toByteOffset: (column * rows + row) * size + byte, as: UInt8.self)
          }
        }
      }
    }
  }
}
