import Bytes
import ClipPack
import Conversion
import Datasets
import Evidence
import Kernels
import PackFormat
import SystemPackage

/// What the vectors of a file are: the file `<name>.meta.json` beside them, in place of their
/// ending.
///
/// | key | value |
/// | --- | --- |
/// | `format` | `clip-pack embeddings` |
/// | `version` | 1 |
/// | `vectors` | the name of the file of vectors |
/// | `list` | the name of the list of its rows, where there is one |
/// | `of` | `images` or `texts` |
/// | `embedding_space` | the space: vectors of one space compare, those of two do not |
/// | `content_digest` | the pack's |
/// | `compute` | what products were computed in |
/// | `tool_version` | of this program |
/// | `layer` | which layer's rows they are, where they are no embeddings |
/// | `dtype`, `shape` | `float32` or `float16`, [count, width], of a layer [count, rows, width] |
/// | `skipped`, `truncated` | how many pictures could not be read, how many texts were cut |
struct EmbeddingRecord {
  static let format = "clip-pack embeddings"
  private static let ending = ".meta.json"

  let space: String
  let digest: String
  let compute: String
  let subject: String
  /// `nil` for embeddings.
  let layer: Int?

  init(_ model: Model, of subject: String, layer: Int? = nil) throws {
    self.layer = layer
    // What one layer gives compares with the same layer's alone.
    space = try EmbeddingSpace(model.pack).id + (layer.map { "/\(subject)/layer \($0)" } ?? "")
    digest = model.pack.contentDigest.description
    compute = model.compute.rawValue
    self.subject = subject
  }

  /// Where the record of a file of vectors lies: `v.npy` and `v.jsonl` have `v.meta.json`.
  static func path(for vectors: FilePath) -> FilePath {
    let bytes = vectors.bytes
    let known = [".npy", ".jsonl"].first { bytes.suffix($0.utf8.count).elementsEqual($0.utf8) }
    return FilePath(bytes: bytes.dropLast(known?.utf8.count ?? 0) + Array(Self.ending.utf8))
  }

  /// What every way of writing embeddings says of them.
  var json: JSON.Object {
    var object: JSON.Object = [
      "embedding_space": .string(space), "content_digest": .string(digest),
      "compute": .string(compute), "tool_version": .string(toolVersion),
    ]
    object["layer"] = layer.map { .integer($0) }
    return object
  }

  /// Refuses vectors of another space, by the record beside them.
  ///
  /// - Throws: `Refusal` for another space, and for a file that is no record; `FileError`.
  func check(_ path: FilePath) throws {
    let json: JSON
    do { json = try JSON(recordAt: path) } catch let error as FormatError {
      throw Refusal("'\(path)' is no record of embeddings: \(error)", .exists, about: path)
    }
    guard json["format"]?.string == Self.format, let other = json["embedding_space"]?.string else {
      throw Refusal("'\(path)' is no record of embeddings", .exists, about: path)
    }
    guard other == space else {
      throw Refusal(
        "the vectors of '\(path)' are in the space \(other), the pack embeds into \(space)",
        .otherSpace, about: path)
    }
  }

  /// Writes the record of a file that is about to get its name.
  ///
  /// - Returns: the record, to be committed after the vectors.
  func write(
    for vectors: FilePath, list: FilePath?, shape: [Int], _ type: VectorType,
    _ tally: EmbeddingTally
  ) throws -> AtomicFile {
    var object: JSON.Object = [
      "format": .string(Self.format), "version": 1,
      "vectors": .string(vectors.lastComponent?.string ?? ""),
    ]
    object["list"] = list?.lastComponent.map { .string($0.string) }
    object["of"] = .string(subject)
    for key in json.keys { object[key] = json[key] }
    object["dtype"] = .string(type.name)
    object["shape"] = .array(shape.map { .integer($0) })
    object["skipped"] = .integer(tally.skipped)
    object["truncated"] = .integer(tally.truncated)
    // It is read to be checked, and replaced with the vectors.
    var file = try AtomicFile(
      replacing: Self.path(for: vectors), mayReplaceInput: true)
    try file.append(text: JSON.object(object).indented + "\n")
    return file
  }
}
