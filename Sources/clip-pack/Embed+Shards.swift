import Architecture
import ArgumentParser
import Bytes
import ClipPack
import Datasets
import Platform
import SystemPackage

extension Embed {
  func embedShards() throws {
    let sources = Values.all(shards).map { FilePath(argument: $0) }
    for path in [FilePath(argument: pack)] + sources { ReadFiles.note(path) }
    let folder = FilePath(argument: output ?? "")
    let model = try open(pack, common, computing)
    guard model.imageTower != nil else { throw ModelError.missing(.image) }
    let record = try naming(pack) { try EmbeddingRecord(model, of: "images") }
    if let sameSpaceAs { try record.check(FilePath(argument: sameSpaceAs)) }
    let embedder = ShardEmbedder(
      model, into: folder, identity: record.json, type: dtype, overwriting: overwrite)
    let own = Shard.of(sources, part: shard?.part ?? 0, of: shard?.parts ?? 1)
    // What is refused is refused before work of hours.
    let open = try own.filter { try !embedder.isComplete($0) }
    var tally = Tally(of: nil, common.terminal, hidden: false)
    defer { tally.end() }
    for shard in open {
      let summary = try naming(pack) {
        try embedder.embed(shard) { key, reason in
          tally.skipped += 1
          tally.end()
          let name = String(decoding: key, as: UTF8.self)
          // What is wrong with a file names it.
          let place = reason.contains(name) ? "" : "\(name): "
          Terminal.say("clip-pack: \(place)\(reason)")
          try checkFailures(tally.skipped)
        } done: {
          tally.count()
        }
      }
      tally.end()
      common.terminal.note(
        "\(shard.source): \(counted(summary.rows, "picture"))"
          + (summary.hasCaptions ? " with captions" : "")
          + (summary.failed > 0 ? ", \(summary.failed) could not be read" : ""))
    }
    let complete = own.count - open.count
    if common.json {
      try emit(
        JSON.object([
          "output": .string(folder.string), "shards": .integer(open.count),
          "complete": .integer(complete), "rows": .integer(tally.done),
          "failed": .integer(tally.skipped),
        ]))
    } else {
      try emit(
        "\(folder): \(counted(open.count, "shard")) embedded, \(complete) were complete; "
          + "\(counted(tally.done, "picture")), \(tally.skipped) could not be read")
    }
    if tally.skipped > 0, maxFailures == nil {
      throw Skipped(
        description: "\(tally.skipped) of \(counted(tally.done, "picture")) could not be read")
    }
  }

  /// Ends the work where more pictures cannot be read than the user accepts.
  func checkFailures(_ count: Int) throws {
    guard let maxFailures, count > maxFailures else { return }
    throw Skipped(
      description: "\(counted(count, "picture")) could not be read, \(maxFailures) may; "
        + "the rest was left")
  }
}

/// `3/8`: of eight machines the fourth.
struct ShardPart {
  let part: Int
  let parts: Int

  /// - Throws: what is needed, for the parser to say.
  init(_ argument: String) throws {
    let numbers = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let part = numbers[0], let parts = numbers[1],
      1...1_000_000 ~= parts, 0..<parts ~= part
    else { throw ValidationError("two whole numbers are needed, such as 0/4 to 3/4") }
    (self.part, self.parts) = (part, parts)
  }
}
