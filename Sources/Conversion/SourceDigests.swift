internal import Bytes
internal import Checkpoints
internal import Concurrency
internal import Dispatch
internal import PackFormat

/// The SHA-256 of files, and what their own checksums say, computed beside other work.
///
/// A digest of one file cannot be shared out, so it takes a thread of its own for as long as the
/// conversion needs that file anyway.
final class SourceDigests: Sendable {
  private let digests: Locked<[Int: Result<Digest, CheckpointError>]>
  private let group = DispatchGroup()

  init(of files: [any TensorFile]) {
    digests = Locked([:])
    for (index, file) in files.enumerated() {
      DispatchQueue.global().async(group: group) { [self] in
        let digest = Result { () throws(CheckpointError) in
          try file.validate()
          return Self.digest(of: file.file)
        }
        digests.withLock { $0[index] = digest }
      }
    }
  }

  /// Waits for all, and gives them in the order of the files.
  ///
  /// - Throws: where a file differs from its own checksums.
  func wait() throws(CheckpointError) -> [Digest] {
    group.wait()
    let results = digests.withLock { digests in digests.keys.sorted().map { digests[$0]! } }
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
