internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import PackFormat
internal import SystemPackage
internal import Tensors

/// One weight file of the source, as a lossless pack's provenance tells of it.
struct SourceFile {
  /// In the folder that it is restored into.
  var name: FilePath
  var size: Int
  var digest: String
  /// Whether the source was of another container, so that its digest is not this file's.
  var isConverted: Bool
  var number: Int
  /// For each tensor in the order of its bytes: the pack's tensors that it is made of.
  var tensors: [ProvenanceDocument.Parts]

  /// All of them; `nil` for a pack that does not hold its source.
  static func all(of pack: Pack) throws -> [SourceFile]? {
    guard let files = try pack.provenanceDocument()?.files, !files.isEmpty else { return nil }
    var all: [SourceFile] = []
    for (number, file) in files.enumerated() {
      guard let tensors = file.tensors else { return nil }
      all.append(try SourceFile(number, file, tensors))
    }
    return all
  }

  /// The index of shards, where the source had one.
  static func index(of pack: Pack) throws -> (name: FilePath, bytes: Buffer)? {
    guard let bytes = try pack.section(SourceName.index),
      let name = try pack.provenanceDocument()?.index
    else { return nil }
    do throws(FormatError) {
      guard try JSON(parsing: bytes.bytes.array.span)["weight_map"]?.object != nil else {
        throw FormatError(.invalidField, "it has no weight_map")
      }
    } catch { throw Refusal("section \"\(SourceName.index)\" is no index of shards: \(error)") }
    return (try checkpointName(Array(name.utf8), ".safetensors.index.json"), bytes)
  }

  private init(
    _ number: Int, _ file: ProvenanceDocument.File, _ tensors: [ProvenanceDocument.Parts]
  ) throws(Refusal) {
    let bytes = file.restoredName.map { Array($0.utf8) } ?? file.nameBytes ?? Array(file.name.utf8)
    name = try checkpointName(bytes, ".safetensors")
    size = file.restoredSize ?? file.size
    isConverted = file.restoredSize != nil
    digest = file.sha256
    self.number = number
    self.tensors = tensors
  }

  func write(_ pack: Pack, into folder: FilePath) throws {
    guard let header = try pack.section(SourceName.header(number)) else {
      throw Refusal("section \"\(SourceName.header(number))\" is missing")
    }
    try checkSize(pack, header)
    let path = folder.appending(name.components)
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
private func checkpointName(_ name: [UInt8], _ ending: String) throws(Refusal) -> FilePath {
  let path = FilePath(bytes: name)
  // A zero or a separator too many is gone from the path.
  guard name.suffix(ending.utf8.count).elementsEqual(ending.utf8), !path.isAbsolute,
    path.bytes == name, !name.contains(UInt8(ascii: "\\")),
    path.components.allSatisfy({ $0.kind == .regular }),
    path.components.allSatisfy({ !$0.string.hasPrefix(".") })
  else {
    let text = JSON.string(String(decoding: name, as: UTF8.self)).excerpt
    throw Refusal(
      "the pack names a source file \(text), a name that ends in \(ending), in the folder or below "
        + "it, is needed")
  }
  return path
}
