import Bytes
import Foundation
import SystemPackage
import TestSupport
import Testing

/// `embed` on many inputs, broken ones among them.
@Suite("clip-pack embed")
struct EmbedTests {
  let folder = TemporaryFolder()
  static let pictures = Fixture.path("pictures").string

  init() throws {
    let demo = Fixture.path("demo").string
    _ = try Program.run(
      ["convert", demo, "-o", "demo.clippack", "--to", "lossless", "--no-evidence", "--quiet"],
      in: folder.path)
  }

  private func embed(_ arguments: String...) throws -> Program.Result {
    try Program.run(["embed", "demo.clippack"] + arguments, in: folder.path)
  }

  private func embeddings(_ arguments: String...) throws -> [[Double]] {
    let result = try Program.run(
      ["embed", "demo.clippack", "--json"] + arguments, in: folder.path)
    return result.json["embeddings"] as? [[Double]] ?? []
  }

  /// Runs a line of shell, with `$P` for the program, in the folder.
  private func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", line]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path.string)
    process.environment = ["P": Program.path, "PATH": "/usr/bin:/bin", "PICTURES": Self.pictures]
    let (output, errors) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, errors)
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (
      process.terminationStatus, String(decoding: text, as: UTF8.self),
      String(decoding: complaint, as: UTF8.self)
    )
  }

  private func text(of name: String) throws -> String {
    String(decoding: try Data(contentsOf: url(name)), as: UTF8.self)
  }

  private func url(_ name: String) -> URL {
    URL(fileURLWithPath: folder.appending(name).string)
  }

  /// The rows of a NumPy file, by its own header.
  private func rows(of name: String) throws -> [[Float]] {
    let data = try Data(contentsOf: url(name))
    #expect(data.prefix(10) == Data([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]))
    let header = String(decoding: data[10..<128], as: UTF8.self)
    let parts = try #require(
      header.wholeMatch(
        of: /\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \} *\n/))
    let (count, width) = (Int(parts.1)!, Int(parts.2)!)
    let floats = unsafe data.dropFirst(128).withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        unsafe bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
      }
    }
    #expect(floats.count == count * width)
    return (0..<count).map { Array(floats[$0 * width..<($0 + 1) * width]) }
  }

  @Test func `a folder becomes a NumPy array and the list of its rows`() throws {
    let result = try embed("--image", Self.pictures, "-o", "v.npy")
    #expect(result.status == 0)
    #expect(
      result.output
        == "v.npy: float32 32×96, 12.4 kB; its rows are named in v.txt; described in "
        + "v.meta.json\n")
    let names = try text(of: "v.txt").split(separator: "\n").map(String.init)
    let expected = try Folder.names(in: FilePath(Self.pictures)).filter { !$0.hasSuffix("json") }
    #expect(names == expected.map { Self.pictures + "/" + $0 })
    let rows = try rows(of: "v.npy")
    let alone = try embeddings("--image", names[20])
    #expect(rows.count == 32)
    #expect(zip(rows[20], alone[0]).allSatisfy { abs(Double($0) - $1) < 1e-6 })
  }

  @Test func `a broken picture is reported, left out and counted`() throws {
    let names = ["01-red-on-black.jpg", "03-yellow-on-grey.jpg"].map { Self.pictures + "/" + $0 }
    let whole = try Data(contentsOf: URL(fileURLWithPath: names[0]))
    try whole.prefix(700).write(to: url("cut.jpg"))
    let result = try embed("--image", names[0], "cut.jpg", "none.png", names[1], "-o", "v.jsonl")
    #expect(result.status == 1)
    #expect(
      result.errors == """
        clip-pack: cut.jpg: JPEG: the file ends before the picture
        clip-pack: cannot open 'none.png': No such file or directory
        clip-pack: 2 of 4 pictures could not be read

        """)
    let lines = try text(of: "v.jsonl").split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
    }
    #expect(lines.map { $0["image"] as? String } == names)
    let expected = try embeddings("--image", names[0], names[1])
    #expect(lines.map { $0["embedding"] as? [Double] ?? [] } == expected)
    let json = try embed("--image", "none.png", names[1], "--json")
    #expect(json.status == 1)
    #expect(json.json["images"] as? [String] == [names[1]])
    #expect((json.json["skipped"] as? [[String: String]])?.map { $0["image"] } == ["none.png"])
  }

  @Test func `nothing is written when no picture can be read`() throws {
    for (status, images) in [(2, ["none.png"]), (1, ["none.png", "nor.png"]), (1, ["."])] {
      let result = try Program.run(
        ["embed", "demo.clippack", "-o", "v.npy", "--image"] + images, in: folder.path)
      #expect(result.status == status)
      #expect(result.output == "")
      // One picture's trouble is one line; of several each is counted.
      #expect(result.errors.split(separator: "\n").count == (images.count == 1 ? 1 : 3))
    }
    let empty = try embed("--images-from", "/dev/null", "-o", "v.jsonl")
    #expect(empty.errors == "clip-pack: '/dev/null' names no picture\n")
    #expect(try Folder.names(in: folder.path) == ["demo.clippack"])
  }

  @Test func `lists come from files and pipes, by lines and by zero bytes`() throws {
    let expected = try embeddings("--image", Self.pictures)
    let lines = try shell(
      "ls $PICTURES/*.png $PICTURES/*.jpg | sort | tr '\\n' '@' | sed 's/@/\\r\\n\\n/g' > list; "
        + "$P embed demo.clippack --images-from list --json")
    #expect(lines.errors == "")
    let json = try JSONSerialization.jsonObject(with: Data(lines.output.utf8)) as? [String: Any]
    #expect(json?["embeddings"] as? [[Double]] == expected)
    let zeros = try shell(
      "cp $PICTURES/01-red-on-black.jpg 'line\nbreak.jpg'; "
        + "printf 'line\nbreak.jpg\\0%s' $PICTURES/03-yellow-on-grey.jpg "
        + "| $P embed demo.clippack --images-from - -0 -o v.npy && tr '\\0\\n' '@_' < v.txt")
    #expect(zeros.status == 0)
    #expect(
      zeros.output.hasSuffix("line_break.jpg@\(Self.pictures)/03-yellow-on-grey.jpg@"))
    let refused = try embed("--image", "line\nbreak.jpg", "-o", "v.npy")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("has a line break, so 'v.txt' cannot hold it; add -0"))
  }

  @Test func `a line is a text, an empty one too`() throws {
    let expected = try embeddings("--text", "a red circle", "", "two\tcats")
    let result = try shell(
      "printf 'a red circle\\n\\ntwo\\tcats' | $P embed demo.clippack --texts-from - --json")
    let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
    #expect(json?["embeddings"] as? [[Double]] == expected)
    #expect(json?["texts"] as? [String] == ["a red circle", "", "two\tcats"])
    let wrong = try shell("printf 'a\\n\\377\\n' | $P embed demo.clippack --texts-from - -o v.npy")
    #expect(wrong.status == 2)
    #expect(wrong.errors == "clip-pack: cannot read 'standard input': line 2 is not UTF-8\n")
    let long = String(repeating: "cat ", count: 200)
    let cut = try shell("yes '\(long)' | head -5 | $P embed demo.clippack --texts-from - -o t.npy")
    #expect(cut.errors.split(separator: "\n").count == 4)
    #expect(cut.errors.hasSuffix("note: so have 2 more\n"))
    #expect(try rows(of: "t.npy").count == 5)
  }

  @Test func `embeddings do not depend on the number of threads`() throws {
    let one = try embed("--image", Self.pictures, "--threads", "1", "--jsonl")
    for threads in ["2", "5"] {
      #expect(
        try embed("--image", Self.pictures, "--threads", threads, "--jsonl").output == one.output)
    }
  }

  @Test func `whoever reads the output may stop`() throws {
    let result = try shell(
      "yes $PICTURES/01-red-on-black.jpg | $P embed demo.clippack --images-from - --jsonl "
        + "| head -n 1 | cut -c 1-9")
    #expect(result.output == "{\"image\":\n")
    #expect(result.errors == "")
  }

  @Test func `an interruption leaves nothing behind`() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c",
      // It ends by itself even if this test does not end it.
      "ulimit -t 240; yes $PICTURES/01-red-on-black.jpg "
        + "| $P embed demo.clippack --images-from - -o v.npy",
    ]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path.string)
    process.environment = ["P": Program.path, "PATH": "/usr/bin:/bin", "PICTURES": Self.pictures]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer { process.terminate() }
    // Its name has the number of the process: .v.npy.clip-pack-123-0.partial
    var partial: String?
    for _ in 0..<12_000 where partial == nil {
      partial = try Folder.names(in: folder.path).first {
        $0.hasPrefix(".v.npy.") && $0.hasSuffix(".partial")
      }
      // Not `Task.sleep`: its thread may then serve other tests for minutes before it comes back.
      Thread.sleep(forTimeInterval: 0.01)
    }
    let name = try #require(partial?.wholeMatch(of: /.*-(\d+)-0\.partial/)?.1)
    let number = try #require(Int32(name))
    #expect(kill(number, SIGINT) == 0)
    process.waitUntilExit()
    #expect(process.terminationStatus != 0)
    #expect(try Folder.names(in: folder.path) == ["demo.clippack"])
  }

  @Test(arguments: [
    ["--image", "a.png", "--text", "b"], [], ["--text", "a", "-o", "v.bin"],
    ["--text", "a", "--jsonl", "--json"], ["--text", "a", "--jsonl", "-o", "v.npy"],
  ])
  func `a command line that asks for two things is refused`(arguments: [String]) throws {
    let result = try Program.run(["embed", "demo.clippack"] + arguments, in: folder.path)
    #expect(result.status == 64)
    #expect(result.output == "")
  }

  @Test func `a list is not written over`() throws {
    try Data(("\(Self.pictures)/01-red-on-black.jpg\n").utf8).write(to: url("v.txt"))
    let result = try embed("--images-from", "v.txt", "-o", "v.npy")
    #expect(result.status == 1)
    #expect(
      result.errors
        == "clip-pack: cannot write 'v.txt': it is an input itself; give the output another name\n")
  }
}
