import Architecture
import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Conversion
import Evidence
import PackFormat
import Quantisation
import SystemPackage
import TestSupport
import Testing

/// `libclippack`, called by programs in C.
@Suite("The C library") struct CInterfaceTests {
  let folder = TemporaryFolder()
  static let picture = Fixture.path("pictures/01-red-on-black.jpg").string

  private func convert(
    _ source: String, _ name: String, towers: Recipe.Towers = .both, storage: Storage = .mapped
  ) throws -> FilePath {
    let path = folder.appending(name)
    let conversion = Conversion(
      recipe: Recipe(target: .int8, towers: towers), storage: storage,
      calibration: .none, pool: WorkerPool())
    _ = try conversion.run(Checkpoint(Fixture.path(source).string), to: path)
    return path
  }

  private func run(_ name: String, _ arguments: String...) throws -> [String] {
    let program = try CProgram("Tests/CInterface/\(name).c", in: folder)
    let result =
      switch arguments.count {
      case 2: try program.run(arguments[0], arguments[1], in: folder)
      case 3: try program.run(arguments[0], arguments[1], arguments[2], in: folder)
      default:
        try program.run(arguments[0], arguments[1], arguments[2], arguments[3], in: folder)
      }
    try #require(result.status == 0, "\(result.errors)")
    return result.output.split(separator: "\n").map(String.init)
  }

  @Test func `the example names a picture`() throws {
    let pack = try convert("demo", "demo.clippack")
    let example = try CProgram("Sources/CClipPack/example.c", in: folder)
    let labels = ["a red shape on a black background", "a blue shape on a white background"]
    let result = try example.run(pack.string, Self.picture, labels[0], labels[1], in: folder)
    #expect(result.status == 0)
    let lines = result.output.split(separator: "\n")
    #expect(lines.map { String($0.suffix($0.utf8.count - 9)) } == labels)
    #expect(lines[0].hasPrefix(" 9") || lines[0].hasPrefix("100"))
    let refused = try example.run(pack.string, "none.jpg", "a", "b", in: folder)
    #expect(refused.status == 1)
    #expect(
      refused.errors
        == "example: picture 0: cannot open 'none.jpg': No such file or directory\n")
  }

  @Test func `every way to an embedding gives the bits of the Swift library`() throws {
    let pack = try convert("demo", "demo.clippack")
    let broken = try folder.write(
      MappedFile(FilePath(Self.picture)).prefix(700), "broken.jpg")
    let lines = try run("embed", pack.string, Self.picture, broken.string)
    let model = try Model(opening: pack)
    let text = try model.embed(texts: ["a red circle"])[0]
    let ids = try model.ids(of: "a red circle").ids
    let picture = try model.embed(images: [FilePath(Self.picture)])[0]
    #expect(floats(lines, "text") == text)
    #expect(floats(lines, "picture") == picture)
    #expect(lines.contains("ids " + ids.map(String.init).joined(separator: " ")))
    #expect(lines.contains("digest \(model.pack.contentDigest)"))
    #expect(lines.contains("space \(try EmbeddingSpace(model.pack).id)"))
    #expect(lines.contains("compute \(model.compute)"))
    let reason = "JPEG: the file ends before the picture"
    #expect(lines.contains("broken file: \(broken): \(reason)"))
    #expect(lines.contains("broken bytes: \(reason)"))
    #expect(lines.contains("no status: picture 3: \(broken): \(reason)"))
  }

  /// The numbers of the line that begins with that word.
  private func floats(_ lines: [String], _ word: String) -> [Float] {
    let line = lines.first { $0.hasPrefix(word + " ") } ?? ""
    return line.split(separator: " ").dropFirst().compactMap { Float($0) }
  }

  @Test func `every mistake of a caller has a status and a message`() throws {
    _ = try convert("demo", "demo.clippack")
    _ = try convert("demo", "t.clippack", towers: .text)
    _ = try convert("demo", "i.clippack", towers: .image)
    let lines = try run(
      "errors", "demo.clippack", "t.clippack", "i.clippack", Fixture.path("demo").string)
    #expect(lines.count == Self.mistakes.count)
    for (line, expected) in zip(lines, Self.mistakes) {
      // A cosine has the last digits of its machine.
      #expect(expected.hasSuffix(" is ") ? line.hasPrefix(expected) : line == expected)
    }
  }

  @Test func `eight threads and children of forks give the bits of one`() throws {
    for storage in [Storage.mapped, .compact] {
      let pack = try convert("demo", "demo.clippack", storage: storage)
      #expect(try run("threads", pack.string, Self.picture) == ["the same bits"])
    }
  }

  @Test func `a damaged pack is refused with a reason`() throws {
    for storage in [Storage.mapped, .compact] {
      let pack = try convert("models/quick-gelu", "tiny.clippack", storage: storage)
      let lines = try run("damage", pack.string, folder.appending("scratch").string)
      #expect(lines.count == 1)
    }
  }

  @Test func `packs are made and verified`() throws {
    let output = folder.appending("made.clippack")
    let lines = try run("packs", Fixture.path("demo").string, output.string)
    let (made, verified) = (try JSON(parsing: lines[0]), try JSON(parsing: lines[1]))
    #expect(made["output"]?.string == output.string)
    #expect(verified["passed"] == true)
    #expect(made["content_digest"] == verified["content_digest"])
    let pack = try Pack(output)
    #expect(made["content_digest"]?.string == pack.contentDigest.description)
    #expect(pack.preamble.storage == .mapped)
  }
}

extension MappedFile {
  fileprivate func prefix(_ count: Int) -> [UInt8] { Array(bytes.array.prefix(count)) }
}
