internal import Architecture
internal import Concurrency
internal import Images
internal import Kernels
public import SystemPackage
internal import Towers

extension Model {
  /// The embeddings of any number of pictures, one after the other.
  ///
  ///     let pictures = try model.embeddings(ofImages: paths)
  ///     while let picture = try pictures.next() {
  ///       print(picture.path, try picture.embedding.get())
  ///     }
  ///
  /// - Throws: `ModelError` for a model without an image tower.
  public func embeddings(
    ofImages paths: some Sequence<FilePath> & Sendable
  ) throws -> PictureEmbeddings<FilePath> {
    var paths = paths.makeIterator()
    return try embeddings { paths.next() }
  }

  /// As above, of paths that come one by one: `nextPath` gives `nil` after the last. Any thread may
  /// call it, one at a time.
  public func embeddings(
    ofImages nextPath: sending @escaping () throws -> FilePath?
  ) throws -> PictureEmbeddings<FilePath> {
    try embeddings(of: { try nextPath().map { ($0, .file($0)) } })
  }

  /// As above, of pictures in any form, each with what its embedding is to be known by.
  public func embeddings<Name: Sendable>(
    of nextPicture: sending @escaping () throws -> (Name, PictureSource)?
  ) throws -> PictureEmbeddings<Name> {
    try PictureEmbeddings(self, nextPicture)
  }
}

/// Pictures and their embeddings, in the order in which they came.
///
/// While the model runs, other threads decode and resize the pictures to come: a bounded number,
/// so that memory does not follow how many there are. Pictures go through the model in batches that
/// their order alone determines, so the embeddings do not depend on timing. A picture
/// that cannot be read is an error in its place and does not hold up the rest.
public final class PictureEmbeddings<Name: Sendable> {
  /// A picture, L2-normalised and in `projectionWidth` numbers.
  public struct Element: Sendable {
    public var name: Name
    /// Else an error, as `PictureSource.pixels` throws it.
    public var embedding: Result<[Float], any Error>
  }

  private typealias Prepared = (name: Name, pixels: Result<Pixels, any Error>)
  private typealias Input = (name: Name, picture: PictureSource)

  private let model: Model
  private let ahead: PrefetchQueue<Input, Prepared>
  /// What has been computed and not been given, the last first.
  private var ready: [Element] = []

  fileprivate init(
    _ model: Model, _ nextPicture: sending @escaping () throws -> (Name, PictureSource)?
  ) throws {
    guard let preprocessing = model.preprocessing, model.imageTower != nil else {
      throw ModelError.missing(.image)
    }
    self.model = model
    let threads = model.pool.threads
    // One batch is decoded while the one before is computed; and all threads have something to do.
    ahead = PrefetchQueue(
      threads: threads, window: max(2 * Model.batchSize, 2 * threads), from: nextPicture
    ) { name, picture in (name, Result { try picture.pixels(preprocessing) }) }
  }

  /// The next picture; `nil` after the last.
  ///
  /// - Throws: what `nextPicture` threw, and what is wrong with the weights.
  public func next() throws -> Element? {
    if ready.isEmpty { try compute() }
    return ready.popLast()
  }

  /// Runs the model on the next pictures.
  private func compute() throws {
    var batch: [Prepared] = []
    while batch.count < Model.batchSize, let prepared = try ahead.next() { batch.append(prepared) }
    let embeddings = try model.embed(results: batch.map(\.pixels))
    ready = zip(batch, embeddings).map { Element(name: $0.name, embedding: $1) }.reversed()
  }
}

extension PictureEmbeddings.Element where Name == FilePath {
  public var path: FilePath { name }
}
