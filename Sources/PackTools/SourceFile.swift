internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import PackFormat
internal import SystemPackage
internal import Tensors

/// One weight file of the source, as a lossless pack's provenance tells of it.
struct SourceFile {
  var name: String
  var size: Int
  var digest: String
  /// Whether the source was of another container, so that its digest is not this file's.
  var isConverted: Bool
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
    guard let bytes = try pack.section(SourceName.index),
      let name = try pack.json(.provenance)?["index"]?.string
    else { return nil }
    do throws(FormatError) {
      guard try JSON(parsing: bytes.bytes.array.span)["weight_map"]?.object != nil else {
        throw FormatError(.invalidField, "it has no weight_map")
      }
    } catch { throw Refusal("section \"\(SourceName.index)\" is no index of shards: \(error)") }
    return (try checkpointName(name, ".safetensors.index.json"), bytes)
  }

  private init(_ number: Int, _ json: JSON) throws {
    guard let name = (json["restored_as"] ?? json["name"])?.string,
      let size = (json["restored_size"] ?? json["size"])?.natural,
      let digest = json["sha256"]?.string, let tensors = json["tensors"]?.array
    else {
      throw Refusal("provenance.files[\(number)] lacks one of name, size, sha256 and tensors")
    }
    self.name = try checkpointName(name, ".safetensors")
    self.size = size
    isConverted = json["restored_size"] != nil
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
    guard let header = try pack.section(SourceName.header(number)) else {
      throw Refusal("section \"\(SourceName.header(number))\" is missing")
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
    guard isConverted || found == self.digest else {
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

/// The name of a file of a checkpoint, as a pack gives it: with the ending that its content has,
/// and in the folder or below it. None begins with a dot, as the files that programs obey do.
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
