import Bytes
import TestSupport
import Testing

/// Every option of every command has a test that asserts its effect. The list of options is the
/// parser's own, so that a new one without a test fails here.
@Suite("Every option") struct OptionTests {
  static let cases =
    convert + verify + embed + packs + inputs + exports
    + everywhere.flatMap { option in
      basic.keys.sorted().map { command in
        OptionCase(command, option.option) { try option.prove($0, command) }
      }
    }

  @Test(arguments: cases)
  func `does what it says`(option: OptionCase) throws { try option.prove(OptionBench()) }

  @Test func `is in this list, and the list has none that is not there`() throws {
    let bench = OptionBench()
    let help = try bench.run("--experimental-dump-help")
    let root = try #require(help.json["command"] as? [String: Any])
    let commands = try #require(root["subcommands"] as? [[String: Any]])
    var options: Set<String> = []
    for command in commands {
      let name = try #require(command["commandName"] as? String)
      // The parser's own, which every command's --help stands for.
      guard name != "help" else { continue }
      for argument in command["arguments"] as? [[String: Any]] ?? [] {
        let names = (argument["names"] as? [[String: String]])?.compactMap { $0["name"] }
        let option = try #require(
          names?.max { $0.utf8.count < $1.utf8.count } ?? argument["valueName"] as? String)
        options.insert("\(name) \(option)")
      }
    }
    #expect(options.count > 100)
    let tested = Self.cases.map { $0.testDescription }
    #expect(options.subtracting(tested).sorted() == [], "options without a test")
    #expect(Set(tested).subtracting(options).sorted() == [], "tests without an option")
    #expect(tested.count == Set(tested).count)
  }

  /// A command line of each command, by itself.
  static let basic: [String: @Sendable (OptionBench) throws -> [String]] = [
    "convert": { _ in ["convert", OptionBench.tiny, "-o", "x.clippack", "--no-evidence"] },
    "verify": { ["verify", try $0.shared("tiny.clippack")] },
    "inspect": { ["inspect", try $0.shared("tiny.clippack")] },
    "embed": { ["embed", try $0.shared("demo.clippack"), "--text", "a cat", "a dog"] },
    "classify": {
      [
        "classify", try $0.shared("demo.clippack"), "--image", OptionBench.picture, "--label", "a",
        "b",
      ]
    },
    "tokenize": { ["tokenize", try $0.shared("demo.clippack"), "a cat"] },
    "preprocess": {
      ["preprocess", try $0.shared("demo.clippack"), OptionBench.picture, "-o", "x.safetensors"]
    },
    "repack": {
      ["repack", try $0.shared("tiny.clippack"), "-o", "y.clippack", "--storage", "mapped"]
    },
    "unpack": { ["unpack", try $0.shared("tiny.clippack"), "-o", "out", "--overwrite"] },
    "export": {
      ["export", try $0.shared("tiny.clippack"), "-o", "out", "--to", "onnx", "--overwrite"]
    },
    "keygen": { _ in ["keygen", "-o", "fresh"] },
    "sign": { ["sign", try $0.shared("tiny.clippack"), "--key", try $0.shared("key"), "-o", "s"] },
    "bench": { ["bench", try $0.shared("tiny.clippack"), "--rounds", "1"] },
  ]

  typealias Everywhere = (option: String, prove: @Sendable (OptionBench, String) throws -> Void)

  private static func run(
    _ bench: OptionBench, _ command: String, _ more: [String]
  ) throws -> Program.Result {
    let arguments = try #require(basic[command])
    return try Program.run(try arguments(bench) + more, in: bench.folder.path)
  }

  /// What a result says, without what differs from run to run.
  private static func stable(_ result: Program.Result, _ command: String) -> String? {
    // Times, and a key that is made.
    ["bench", "convert", "keygen"].contains(command) ? nil : result.output
  }

  /// The options that all commands have.
  static let everywhere: [Everywhere] = [
    (
      "json",
      { (bench: OptionBench, command: String) throws in
        let result = try run(bench, command, ["--json"])
        #expect(result.status == 0)
        #expect(!result.json.isEmpty, "\(command): \(result.output)")
        #expect(result.output.filter { $0 == "\n" }.count == 1)
        #expect(result.errors == "")
      }
    ),
    (
      "quiet",
      { (bench: OptionBench, command: String) throws in
        let loud = try run(bench, command, [])
        if command == "keygen" {
          for name in ["fresh", "fresh.pub"] { try bench.remove(name) }
        }
        let result = try run(bench, command, ["--quiet"])
        #expect(result.status == 0)
        #expect(result.errors == "")
        #expect(stable(result, command) == stable(loud, command))
        // Of a model without a tokenizer something is to be told.
        if command == "convert" { #expect(loud.errors.hasPrefix("note: ")) }
      }
    ),
    (
      "threads",
      { (bench: OptionBench, command: String) throws in
        let one = try run(bench, command, ["--threads", "1"])
        if command == "keygen" {
          for name in ["fresh", "fresh.pub"] { try bench.remove(name) }
        }
        let three = try run(bench, command, ["--threads", "3"])
        #expect(one.status == 0 && three.status == 0)
        #expect(stable(one, command) == stable(three, command))
        for count in ["0", "-1", "1025"] {
          let refused = try run(bench, command, ["--threads", count])
          #expect(refused.status == 64)
          #expect(
            refused.errors
              == "clip-pack: --threads is \(count), 1 to 1024 are allowed; see clip-pack "
              + "\(command) --help\n")
        }
      }
    ),
    (
      "help",
      { (bench: OptionBench, command: String) throws in
        let result = try bench.run(command, "--help")
        #expect(result.output.contains("USAGE: clip-pack \(command)"))
        #expect(result.errors == "")
      }
    ),
    (
      "version",
      { (bench: OptionBench, command: String) throws in
        #expect(try bench.run(command, "--version").output == "0.1.0\n")
      }
    ),
  ]
}
