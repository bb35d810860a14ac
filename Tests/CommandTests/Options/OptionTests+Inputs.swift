import Bytes
import TestSupport
import Testing

/// Commands that show what a model reads, and what it thinks.
extension OptionTests {
  static let inputs = [
    OptionCase("classify", "pack") { (bench: OptionBench) throws in
      let result = try bench.run(
        "classify", OptionBench.picture, "--image", OptionBench.picture, "--label", "a", status: 1)
      #expect(result.errors.hasPrefix("clip-pack: \(OptionBench.picture): "))
    },
    OptionCase("classify", "image") { (bench: OptionBench) throws in
      let result = try bench.run(
        "classify", bench.shared("demo.clippack"), "--image", OptionBench.picture,
        OptionBench.other, "--label", "a", "b", "--json")
      let images = (result.json["results"] as? [[String: Any]])?.map { $0["image"] as? String }
      #expect(images == [OptionBench.picture, OptionBench.other])
    },
    OptionCase("classify", "label") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let one = try bench.run(
        "classify", pack, "--image", OptionBench.picture, "--label", "only\npassed")
      let lines = one.output.split(separator: "\n")
      #expect(lines.count == 2)
      #expect(lines[1].hasPrefix("  cosine 0."))
      #expect(lines[1].hasSuffix("  only\\npassed"))
      let labels = (0..<7).map { "label \($0)" }
      let all = try Program.run(
        ["classify", pack, "--image", OptionBench.picture, "--json", "--label"] + labels,
        in: bench.folder.path)
      let results = all.json["results"] as? [[String: Any]]
      #expect((results?.first?["labels"] as? [Any])?.count == 7)
    },
    OptionCase("classify", "template") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let arguments = [
        "classify", pack, "--image", OptionBench.picture, "--label", "red", "blue", "--json",
      ]
      let outputs = try [[], ["--template", "{}"], ["--template", "a {} thing"]].map {
        try Program.run(arguments + $0, in: bench.folder.path).output
      }
      #expect(Set(outputs).count == 3)
      #expect(
        try Program.run(arguments + ["--template", "none"], in: bench.folder.path).status == 64)
      let both = try Program.run(
        arguments + ["--template", "a {}", "--template", "{} things"], in: bench.folder.path)
      #expect(both.json["templates"] as? [String] == ["a {}", "{} things"])
      let usual = try Program.run(arguments, in: bench.folder.path)
      #expect(usual.json["templates"] as? [String] == ["This is a photo of {}."])
    },
    OptionCase("classify", "templates-from") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let arguments = [
        "classify", pack, "--image", OptionBench.picture, "--label", "red", "blue", "--json",
      ]
      func run(_ more: [String]) throws -> Program.Result {
        try Program.run(arguments + more, in: bench.folder.path)
      }
      try bench.write("a {}\n\n{} things\n", "templates.txt")
      let listed = try run(["--templates-from", "templates.txt"])
      #expect(listed.json["notes"] as? [String] == ["1 empty line of 'templates.txt' left out"])
      let given = try run(["--template", "a {}", "--template", "{} things"])
      #expect(given.json["notes"] as? [String] == [])
      #expect("\(listed.json["results"] ?? "")" == "\(given.json["results"] ?? "none")")
      let both = try run(["--templates-from", "templates.txt", "--template", "a {}"])
      #expect(both.status == 64)
      #expect(both.errors.contains("--template and --templates-from exclude each other"))
      try bench.write("a {}\nnothing\n", "odd.txt")
      let odd = try run(["--templates-from", "odd.txt"])
      #expect(odd.status == 1)
      #expect(
        odd.errors == "clip-pack: 'odd.txt' has the line \"nothing\", without {} for the label to "
          + "stand in\n")
    },
    OptionCase("classify", "compute") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let outputs = try ["f32", "bf16", "int8"].map {
        try bench.run(
          "classify", pack, "--image", OptionBench.picture, "--label", "red", "blue", "--json",
          "--compute", $0
        ).output
      }
      #expect(Set(outputs).count == 3)
    },
    OptionCase("tokenize", "pack") { (bench: OptionBench) throws in
      #expect(
        try bench.run("tokenize", bench.shared("tiny.clippack"), "a", status: 1).errors
          .hasSuffix("the pack has no tokenizer; convert the checkpoint with --tokenizer DIR\n"))
    },
    OptionCase("tokenize", "text") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let texts = (0..<20).map { "text \($0)" }
      let all = try Program.run(["tokenize", pack] + texts, in: bench.folder.path)
      let lines = try texts.map { try bench.run("tokenize", pack, $0).output }
      #expect(all.output == lines.joined())
    },
    OptionCase("preprocess", "pack") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let refused = try bench.run("preprocess", pack, OptionBench.picture, "-o", pack, status: 1)
      #expect(refused.errors.contains("it is an input itself"))
    },
    OptionCase("preprocess", "file") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let files = [String](repeating: OptionBench.picture, count: 11)
      let result = try Program.run(
        ["preprocess", pack] + files + ["-o", "x", "--json"], in: bench.folder.path)
      #expect(result.json["shape"] as? [Int] == [11, 3, 64, 64])
    },
    OptionCase("preprocess", "output") { (bench: OptionBench) throws in
      try bench.run(
        "preprocess", bench.shared("demo.clippack"), OptionBench.picture, "--output", "x")
      #expect(try bench.run("inspect", "x").output.contains("pixel_values"))
    },
  ]
}
