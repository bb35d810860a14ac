internal import Architecture
public import Bytes
internal import Concurrency
public import Images
internal import Kernels
public import SystemPackage
internal import Tokenizers
public import Towers

extension Model {
  /// The embeddings of pictures, PNG, JPEG or WebP, normalised: one of `projectionWidth` for each.
  ///
  /// - Throws: `FileError` or `InputError` naming the first picture that cannot be had.
  public func embed(images paths: [FilePath]) throws -> [[Float]] {
    let pictures = try embeddings(ofImages: paths)
    var all: [[Float]] = []
    while let picture = try pictures.next() { all.append(try picture.embedding.get()) }
    return all
  }

  /// The image tower's input for each picture, decoded on all threads.
  public func pixels(of paths: [FilePath]) throws -> [Pixels] {
    guard let preprocessing else { throw ModelError.missing(.image) }
    return try pool.map(paths.count) { index in
      Result { try Self.pixels(of: paths[index], preprocessing) }
    }.map { try $0.get() }
  }

  static func pixels(
    of path: FilePath, _ preprocessing: Preprocessing
  ) throws -> Pixels {
    let file = try MappedFile(path)
    do {
      return try Pixels(decoding: Buffer(file, 0..<file.count), preprocessing)
    } catch {
      throw InputError(path: path, error: error)
    }
  }

  /// Runs the image tower on prepared pictures.
  public func embed(pixels: [Pixels], observe: Observer? = nil) throws -> Embeddings {
    guard let imageTower else { throw ModelError.missing(.image) }
    let (_, height, width) = imageTower.size
    if let odd = pixels.first(where: { $0.height != height || $0.width != width }) {
      throw TowerError(
        .pixelCount,
        "the preprocessing gives \(odd.height)×\(odd.width) pixels, the model takes "
          + "\(height)×\(width)")
    }
    let values = pixels.flatMap(\.values)
    return try imageTower.embed(values.span, observe: observe)
  }

  /// The embeddings of texts, normalised: one of `projectionWidth` for each.
  ///
  /// A text of more tokens than the model has positions is cut off, its end token kept.
  public func embed(texts: [String]) throws -> [[Float]] {
    let ids = try texts.map { try self.ids(of: $0).ids }
    return try embed(ids: ids)
  }

  /// The ids of a text, and whether it had to be cut off.
  public func ids(of text: String) throws -> (ids: [Int], isTruncated: Bool) {
    guard let textTower else { throw ModelError.missing(.text) }
    guard let tokenizer = try tokenizer else { throw ModelError.noTokenizer }
    let encoded = tokenizer.encode(text, limit: textTower.graph.tokens.upperBound)
    return (encoded.ids.map(Int.init), encoded.isTruncated)
  }

  /// The embeddings of token sequences, each with its start and end token.
  public func embed(ids: [[Int]]) throws -> [[Float]] {
    guard let textTower else { throw ModelError.missing(.text) }
    var embeddings: [[Float]] = []
    for start in stride(from: 0, to: ids.count, by: Self.batchSize) {
      let batch = Array(ids[start..<min(start + Self.batchSize, ids.count)])
      embeddings += try textTower.embed(batch).rows
    }
    return embeddings
  }
}

extension Embeddings {
  /// The normalised embeddings, one array each.
  public var rows: [[Float]] { (0..<count).map { Array(self[$0]) } }
}

/// A picture that could not be used.
public struct InputError: Failure {
  public var path: FilePath
  public var error: FormatError

  public init(path: FilePath, error: FormatError) {
    self.path = path
    self.error = error
  }

  public var code: FormatError.Code { error.code }
  public var subject: Subject? { .file(path) }
  public var place: Int? { error.offset }
  public var reason: String { error.reason }
  public var description: String { "\(path): \(error)" }
}
