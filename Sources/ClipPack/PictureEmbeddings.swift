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
  ) throws -> PictureEmbeddings {
    var paths = paths.makeIterator()
    return try embeddings { paths.next() }
  }

  /// As above, of paths that come one by one: `nextPath` gives `nil` after the last. Any thread may
  /// call it, one at a time.
  public func embeddings(
    ofImages nextPath: sending @escaping () throws -> FilePath?
  ) throws -> PictureEmbeddings {
    try PictureEmbeddings(self, nextPath)
  }
}

/// Pictures and their embeddings, in the order in which the paths came.
///
/// While the model runs, other threads decode and resize the pictures to come: a bounded number,
/// so that memory does not follow how many there are. Pictures go through the model in batches that
/// the order of paths alone determines, so the embeddings do not depend on timing. What cannot be
/// read is told of in its place and does not hold up the rest.
public final class PictureEmbeddings {
  /// A picture, L2-normalised and in `projectionWidth` numbers.
  public struct Element: Sendable {
    public var path: FilePath
    /// Else a `FileError` or an `InputError` that names the path.
    public var embedding: Result<[Float], any Error>
  }

  private typealias Prepared = (path: FilePath, pixels: Result<Pixels, any Error>)

  private let model: Model
  private let ahead: PrefetchQueue<FilePath, Prepared>
  /// What has been computed and not been given, the last first.
  private var ready: [Element] = []

  fileprivate init(
    _ model: Model, _ nextPath: sending @escaping () throws -> FilePath?
  ) throws {
    guard let preprocessing = model.preprocessing, model.imageTower != nil else {
      throw ModelError.missing(.image)
    }
    self.model = model
    let threads = model.pool.threads
    // One batch is decoded while the one before is computed; and all threads have something to do.
    ahead = PrefetchQueue(
      threads: threads, window: max(2 * Model.batchSize, 2 * threads), from: nextPath
    ) { path in (path, Result { try Model.pixels(of: path, preprocessing) }) }
  }

  /// The next picture; `nil` after the last.
  ///
  /// - Throws: what `nextPath` threw, and what is wrong with the weights.
  public func next() throws -> Element? {
    if ready.isEmpty { try compute() }
    return ready.popLast()
  }

  /// Runs the model on the next pictures.
  private func compute() throws {
    var batch: [Prepared] = []
    while batch.count < Model.batchSize, let prepared = try ahead.next() { batch.append(prepared) }
    let pixels = batch.compactMap { try? $0.pixels.get() }
    let embeddings = pixels.isEmpty ? nil : try model.embed(pixels: pixels)
    var index = 0
    ready = batch.map { prepared in
      let embedding = prepared.pixels.map { _ in
        defer { index += 1 }
        return embeddings.map { Array($0[index]) } ?? []
      }
      return Element(path: prepared.path, embedding: embedding)
    }.reversed()
  }
}
