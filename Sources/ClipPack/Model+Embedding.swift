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
  /// - Throws: `FileError` or `InputError` naming the first picture that cannot be read.
  public func embed(images paths: [FilePath]) throws -> [[Float]] {
    let pictures = try embeddings(ofImages: paths)
    var all: [[Float]] = []
    while let picture = try pictures.next() { all.append(try picture.embedding.get()) }
    return all
  }

  /// The embedding of each picture, or why it has none, in the order of the pictures.
  ///
  /// - Throws: `ModelError` for a model without an image tower, and what is wrong with the weights.
  public func embed(pictures: [PictureSource]) throws -> [Result<[Float], any Error>] {
    guard pictures.count > Self.batchSize else {
      let pixels = try results(for: pictures)
      return try embed(results: pixels)
    }
    var waiting = pictures.makeIterator()
    let embedded = try embeddings { waiting.next().map { ((), $0) } }
    var all: [Result<[Float], any Error>] = []
    while let picture = try embedded.next() { all.append(picture.embedding) }
    return all
  }

  /// A batch: those that could be prepared go through the tower together.
  func embed(
    results: [Result<Pixels, any Error>]
  ) throws -> [Result<[Float], any Error>] {
    let pixels = results.compactMap { try? $0.get() }
    let embeddings = pixels.isEmpty ? nil : try embed(pixels: pixels)
    var index = 0
    return results.map { result in
      result.map { _ in
        defer { index += 1 }
        return embeddings.map { Array($0[index]) } ?? []
      }
    }
  }

  /// The image tower's input for each picture, decoded on all threads.
  public func pixels(of paths: [FilePath]) throws -> [Pixels] {
    try results(for: paths.map(PictureSource.file)).map { try $0.get() }
  }

  /// As above, or why there is none.
  ///
  /// - Throws: `ModelError` for a model without an image tower.
  public func results(for pictures: [PictureSource]) throws -> [Result<Pixels, any Error>] {
    guard let preprocessing else { throw ModelError.missing(.image) }
    return pool.map(pictures.count) { index in
      Result { try pictures[index].pixels(preprocessing) }
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
  /// A text of more tokens than the model has positions is cut off, its end token kept. Many in one
  /// call take less time than one by one.
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
  ///
  /// What several begin with is computed once, so many in one call take less time than one by one.
  public func embed(ids: [[Int]]) throws -> [[Float]] {
    guard let textTower else { throw ModelError.missing(.text) }
    return try textTower.embed(ids).rows
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
