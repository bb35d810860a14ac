import Architecture
import Bytes
import ClipPack
import Concurrency
import SystemPackage

extension Embed {
  func embedPictures(_ model: Model, into sink: any EmbeddingSink) throws {
    var notes: [String] = []
    let paths = try imagesFrom == nil ? picturesNamed(noting: &notes) : nil
    let list = try imagesFrom.map {
      Locked(try LineReader(FilePath(argument: $0), separator: separator, skipsEmpty: true))
    }
    let pictures = try naming(pack) {
      guard let list else { return try model.embeddings(ofImages: paths ?? []) }
      return try model.embeddings { try list.withLock { list in try Self.nextPath(list) } }
    }
    var tally = Tally(of: paths?.count, common.terminal, hidden: printsToTerminal)
    defer { tally.end() }
    while let picture = try naming(pack, { try pictures.next() }) {
      let name = Name.picture(picture.path)
      switch picture.embedding {
      case .success(let embedding): try sink.add(name, embedding)
      case .failure(let error):
        // Of one picture there is nothing to count.
        if paths?.count == 1 { throw error }
        tally.skipped += 1
        sink.skip(name, because: "\(error)")
        tally.end()
        Terminal.say("clip-pack: \(error)")
      }
      tally.count()
    }
    tally.end()
    notes += list?.withLock(\.notes) ?? []
    for note in notes { common.terminal.note("note: \(note)") }
    if let path = list?.withLock(\.path), tally.done == 0 {
      throw Refusal("'\(path)' names no picture", about: path)
    }
    let share = "\(tally.skipped) of \(counted(tally.done, "picture")) could not be read"
    guard tally.skipped < tally.done else {
      throw Skipped(description: share + "; nothing was written")
    }
    try sink.finish(EmbeddingTally(skipped: tally.skipped, notes: notes), common)
    if tally.skipped > 0 { throw Skipped(description: share) }
  }

  func embedTexts(_ model: Model, into sink: any EmbeddingSink) throws {
    let texts = texts
    var tally = Tally(
      of: textsFrom == nil ? texts.count : nil, common.terminal, hidden: printsToTerminal)
    defer { tally.end() }
    let lines = try textsFrom.map {
      try LineReader(FilePath(argument: $0), separator: separator)
    }
    var given = texts[...]
    var cut = 0
    while true {
      let batch = try lines.map { try Self.texts($0) } ?? Array(given.prefix(Model.batchSize))
      guard !batch.isEmpty else { break }
      given = given.dropFirst(batch.count)
      let encoded = try naming(pack) { try batch.map { try model.ids(of: $0) } }
      for (text, ids) in zip(batch, encoded) where ids.isTruncated {
        cut += 1
        guard cut <= 3 else { continue }
        tally.end()
        common.noteTruncation(of: text, model)
      }
      let embeddings = try naming(pack) { try model.embed(ids: encoded.map(\.ids)) }
      for (text, embedding) in zip(batch, embeddings) {
        try sink.add(.text(text), embedding)
        tally.count()
      }
    }
    tally.end()
    let notes = lines?.notes ?? []
    for note in notes { common.terminal.note("note: \(note)") }
    if let lines, tally.done == 0 {
      throw Refusal("'\(lines.path)' has no text", about: lines.path)
    }
    if cut > 3 { common.terminal.note("note: so have \(cut - 3) more") }
    try sink.finish(EmbeddingTally(truncated: cut, notes: notes), common)
  }

  /// Lines of progress would mix with lines of results.
  private var printsToTerminal: Bool { output == nil && Terminal.hasTerminalOutput }

  /// The pictures that `--image` names, those of folders by name.
  func picturesNamed(noting notes: inout [String]) throws -> [FilePath] {
    var paths: [FilePath] = []
    for name in images {
      let path = FilePath(argument: name)
      if FileKind(of: path) == .directory {
        paths += try PictureFolder(path).taken(noting: &notes)
      } else {
        paths.append(path)
      }
    }
    if let list, !null, let odd = paths.first(where: { $0.bytes.contains(UInt8(ascii: "\n")) }) {
      throw Refusal(
        "the path \(JSON.quoted(odd.string)) has a line break, so '\(list)' cannot hold it; add -0",
        about: odd)
    }
    return paths
  }

  static func nextPath(_ list: LineReader) throws -> FilePath? {
    guard let bytes = try list.next() else { return nil }
    guard !bytes.contains(0) else {
      throw Refusal(
        "\(list.noun) \(list.count) of '\(list.path)' has a zero byte, which no path has; for a list "
          + "that zero bytes separate add -0", about: list.path)
    }
    return FilePath(bytes: bytes)
  }

  /// A batch of lines; an empty line is a text too, so that rows stay in step with lines.
  static func texts(_ lines: LineReader) throws -> [String] {
    var texts: [String] = []
    while texts.count < Model.batchSize, let text = try lines.nextText() { texts.append(text) }
    return texts
  }
}

extension Common {
  /// Says which texts are longer than the model can read.
  func warnOfTruncation(_ texts: [String], _ model: Model) throws -> [String] {
    for text in texts where try model.ids(of: text).isTruncated { noteTruncation(of: text, model) }
    return texts
  }

  fileprivate func noteTruncation(of text: String, _ model: Model) {
    terminal.note(
      "note: \"\(text.prefix(40))…\" has more than "
        + "\(model.graph.text?.tokens.upperBound ?? 0) tokens; the rest is not read")
  }
}

/// How many are done, and how fast it goes.
private struct Tally {
  private let total: Int?
  private let terminal: Terminal
  private let isHidden: Bool
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var shown: ContinuousClock.Instant
  private(set) var done = 0
  var skipped = 0

  init(of total: Int?, _ terminal: Terminal, hidden: Bool) {
    self.total = total
    self.terminal = terminal
    isHidden = hidden
    start = clock.now
    shown = start
  }

  mutating func count() {
    done += 1
    guard !isHidden, clock.now - shown >= .milliseconds(100) else { return }
    shown = clock.now
    let seconds = (shown - start) / .seconds(1)
    let rate = decimal(Double(done) / seconds, 1)
    let of = total.map { " of \($0)" } ?? ""
    terminal.progress(
      "embedding \(done)\(of), \(rate) a second", total.map { Double(done) / Double($0) })
  }

  func end() { if !isHidden { terminal.endProgress() } }
}

/// That some pictures were left out: no fault of the pack's.
private struct Skipped: Error, CustomStringConvertible {
  let description: String
}
