public import Bytes
internal import Concurrency
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
      let blocks = Self.jobs(item, streams)
      for job in blocks {
        try checkGap(end..<job.block.offset)
        end = job.block.range.upperBound
      }
      jobs += blocks
    }
    try checkGap(end..<preamble.indexOffset)
    try run(jobs)
  }

  /// Checks the blocks of some items alone, without reading the rest of the file.
  ///
  /// - Returns: how many bytes of the file were read for it.
  @discardableResult
  public func validate(only isChosen: (Manifest.Item) -> Bool) throws(FormatError) -> Int {
    var jobs: [Job] = []
    for (item, streams) in zip(items, index.placements) where isChosen(item) {
      jobs += Self.jobs(item, streams)
    }
    try run(jobs)
    return jobs.reduce(0) { $0 + $1.block.storedSize }
  }

  private static func jobs(
    _ item: Manifest.Item, _ streams: [[Placement]]
  ) -> [Job] {
    zip(item.streams, streams).flatMap { stream, blocks in
      blocks.enumerated().map { number, block in
        Job(
          name: item.name, stream: stream, block: block, size: stream.range(ofBlock: number).count,
          digest: stream.digests[number])
      }
    }
  }

  private func run(_ jobs: [Job]) throws(FormatError) {
    let failures = FirstFailure()
    pool.run(jobs.count) { [self] index in
      do throws(FormatError) { try check(jobs[index]) } catch { failures.record(error, at: index) }
      file.release(jobs[index].block.range)
    }
    try failures.rethrow()
  }

  private struct Job {
    var name: String
    var stream: Stream
    var block: Placement
    var size: Int
    var digest: Digest
  }

  private func check(_ job: Job) throws(FormatError) {
    let decoded = try Buffer(count: job.size) { (output) throws(FormatError) in
      try decode(job.block, of: job.stream, job.name, into: &output)
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
