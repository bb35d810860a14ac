internal import Bytes
internal import Checkpoints
internal import Concurrency
internal import PackFormat

/// The SHA-256 of files, and what their own checksums say, computed beside other work.
///
/// A digest of one file cannot be shared out, so it takes a thread of its own for as long as the
/// conversion needs that file anyway.
final class SourceDigests: Sendable {
  private typealias Found = Result<Digest, CheckpointError>

  private let queue: PrefetchQueue<any TensorFile, Found>
  /// Those that have been waited for, in the order of the files.
  private let results: Locked<[Found]>

  init(of files: [any TensorFile]) {
    results = Locked([])
    var left = files[...]
    queue = PrefetchQueue(
      threads: 1, window: max(files.count, 1), from: { left.popFirst() }, by: Self.result)
  }

  @Sendable private static func result(of file: any TensorFile) -> Found {
    Result { () throws(CheckpointError) in
      try file.validate()
      return digest(of: file.file)
    }
  }

  /// Waits for all, and gives them in the order of the files.
  ///
  /// - Throws: where a file differs from its own checksums.
  func wait() throws(CheckpointError) -> [Digest] {
    let results = results.withLock { results in
      // Its source of inputs throws nothing.
      while let result = try? queue.next() { results.append(result) }
      return results
    }
    var found: [Digest] = []
    for result in results { found.append(try result.get()) }
    return found
  }

  private static func digest(of file: MappedFile) -> Digest {
    let chunk = 4 << 20
    var digest = RunningDigest()
    for start in stride(from: 0, to: file.count, by: chunk) {
      let range = start..<min(start + chunk, file.count)
      digest.update(file.bytes.extracting(range))
      file.release(range)
    }
    return digest.finish()
  }
}
