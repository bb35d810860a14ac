public import Bytes
internal import Kernels
internal import Tensors

extension Pack {
  /// Checks every byte of the file: each block's checksum, each block's digest after decoding, and
  /// that what lies between blocks is zero.
  ///
  /// With the checks of opening, no byte of a pack can change unnoticed.
  public func validate() throws(FormatError) {
    var jobs: [Job] = []
    var end = Preamble.size
    for (item, streams) in zip(items, index.placements) {
      for (stream, blocks) in zip(item.streams, streams) {
        for (number, block) in blocks.enumerated() {
          try checkGap(end..<block.offset)
          end = block.range.upperBound
          jobs.append(
            Job(
              name: item.name, type: stream.elementType, block: block,
              size: stream.blockSize(at: number, preamble.blockSize),
              digest: stream.digests[number]))
        }
      }
    }
    try checkGap(end..<preamble.indexOffset)

    let failures = FirstFailure()
    let work = jobs
    pool.run(work.count) { [self] index in
      do throws(FormatError) { try check(work[index]) } catch { failures.record(error, at: index) }
      file.release(work[index].block.range)
    }
    try failures.rethrow()
  }

  private struct Job {
    var name: String
    var type: ElementType
    var block: Placement
    var size: Int
    var digest: Digest
  }

  private func check(_ job: Job) throws(FormatError) {
    let decoded = try Buffer(count: job.size) { (output) throws(FormatError) in
      try decode(job.block, of: job.type, job.name, into: &output)
    }
    let digest = Digest(of: decoded.bytes)
    guard digest == job.digest else {
      throw FormatError(
        .checksum, "block decodes to digest \(digest), \(job.digest) is recorded",
        at: job.block.offset, tensor: job.name)
    }
  }

  private func checkGap(_ range: Range<Int>) throws(FormatError) {
    guard range.count < PackWriter.regionAlignment else {
      throw FormatError(
        .invalidField,
        "\(range.count) bytes belong to no block, at most \(PackWriter.regionAlignment - 1) of "
          + "padding are allowed", at: range.lowerBound)
    }
    let file = file
    let padding = file.bytes.extracting(range)
    if let first = padding.firstNonZero {
      throw FormatError(
        .invalidField, "padding is not zero", at: range.lowerBound + first)
    }
  }
}
