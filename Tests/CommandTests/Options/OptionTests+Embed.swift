import Bytes
import SystemPackage
import TestSupport
import Testing

extension OptionTests {
  static let embed = [
    OptionCase("embed", "pack") { (bench: OptionBench) throws in
      let result = try bench.run("embed", "none", "--text", "a", status: 2)
      #expect(result.errors == "clip-pack: cannot open 'none': No such file or directory\n")
    },
    OptionCase("embed", "image") { (bench: OptionBench) throws in
      try bench.makePictures()
      let pack = try bench.shared("demo.clippack")
      let folder = try bench.run("embed", pack, "--image", "pictures", "--json")
      #expect(folder.json["images"] as? [String] == ["pictures/a.JPG", "pictures/b.jpeg"])
      #expect((folder.json["notes"] as? [String])?.first?.hasPrefix("left out of ") == true)
      let files = try bench.run(
        "embed", pack, "--image", OptionBench.picture, OptionBench.other, "--json")
      #expect(
        files.json["embeddings"] as? [[Double]] == folder.json["embeddings"] as? [[Double]])
    },
    OptionCase("embed", "images-from") { (bench: OptionBench) throws in
      try bench.write("\u{feff}\(OptionBench.picture)\r\n\n\(OptionBench.other)", "list")
      let pack = try bench.shared("demo.clippack")
      let result = try bench.run("embed", pack, "--images-from", "list", "--json")
      #expect(result.json["images"] as? [String] == [OptionBench.picture, OptionBench.other])
      #expect((result.json["notes"] as? [String])?.count == 2)
      try bench.write("a\0b\n", "list")
      #expect(
        try bench.run("embed", pack, "--images-from", "list", status: 1).errors
          == "clip-pack: line 1 of 'list' has a zero byte, which no path has; for a list that zero "
          + "bytes separate add -0\n")
    },
    OptionCase("embed", "text") { (bench: OptionBench) throws in
      let result = try bench.run(
        "embed", bench.shared("demo.clippack"), "--text", "a", "", "--json")
      #expect(result.json["texts"] as? [String] == ["a", ""])
      #expect((result.json["embeddings"] as? [[Double]])?.map(\.count) == [96, 96])
    },
    OptionCase("embed", "texts-from") { (bench: OptionBench) throws in
      try bench.write("\u{feff}a\r\n\n" + String(repeating: "cat ", count: 90), "list")
      let result = try bench.run(
        "embed", bench.shared("demo.clippack"), "--texts-from", "list", "--json")
      #expect((result.json["texts"] as? [String])?.prefix(2) == ["a", ""])
      #expect(result.json["truncated"] as? Int == 1)
    },
    OptionCase("embed", "null") { (bench: OptionBench) throws in
      try bench.link(OptionBench.picture, "line\nbreak.jpg")
      try bench.write("line\nbreak.jpg\0\(OptionBench.other)\0", "list")
      let pack = try bench.shared("demo.clippack")
      try bench.run("embed", pack, "--images-from", "list", "--null", "-o", "v.npy")
      #expect(try bench.text("v.txt") == "line\nbreak.jpg\0\(OptionBench.other)\0")
    },
    OptionCase("embed", "output") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      for name in ["v.npy", "w.jsonl"] {
        try bench.run("embed", pack, "--text", "a", "--output", name)
        let record = try JSON(parsing: bench.text(String(name.prefix(1)) + ".meta.json"))
        #expect(record["format"] == "clip-pack embeddings")
        #expect(record["vectors"] == .string(name))
        #expect(record["of"] == "texts")
        #expect(record["compute"] == "int8")
        #expect(record["tool_version"]?.string == "0.1.0")
        #expect(record["shape"] == [1, 96])
        let inspected = try bench.run("inspect", pack, "--json")
        for key in ["embedding_space", "content_digest"] {
          #expect(record[key]?.string == inspected.json[key] as? String)
        }
      }
    },
    OptionCase("embed", "jsonl") { (bench: OptionBench) throws in
      let result = try bench.run(
        "embed", bench.shared("demo.clippack"), "--text", "a", "b", "--jsonl")
      let lines = try result.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
      #expect(lines.map { $0["text"]?.string } == ["a", "b"])
    },
    OptionCase("embed", "overwrite") { (bench: OptionBench) throws in
      let (pack, other) = (try bench.shared("demo.clippack"), try bench.shared("whole.clippack"))
      try bench.write("old", "v.npy")
      let unknown = try bench.run("embed", pack, "--text", "a", "-o", "v.npy", status: 1)
      #expect(
        unknown.errors
          == "clip-pack: 'v.npy' is there already, and no 'v.meta.json' tells in which space it is; "
          + "--overwrite replaces it\n")
      #expect(try bench.text("v.npy") == "old")
      try bench.run("embed", pack, "--text", "a", "-o", "v.npy", "--overwrite")
      // Of the same space they are replaced without a question.
      try bench.run("embed", pack, "--text", "b", "-o", "v.npy")
      try bench.changeSpace("v.meta.json")
      let space = try bench.run("embed", other, "--text", "a", "-o", "v.npy", status: 1)
      #expect(space.errors.contains("are in the space 00000000000000000000000000000000, the pack"))
      #expect(space.errors.hasSuffix("; --overwrite replaces them\n"))
      try bench.run("embed", other, "--text", "a", "-o", "v.npy", "--overwrite")
    },
    OptionCase("embed", "same-space-as") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      try bench.run("embed", pack, "--text", "a", "-o", "v.npy")
      try bench.run("embed", pack, "--text", "b", "--same-space-as", "v.meta.json")
      try bench.changeSpace("v.meta.json")
      let refused = try bench.run(
        "embed", pack, "--text", "b", "--same-space-as", "v.meta.json", status: 1)
      #expect(refused.output == "")
      let none = try bench.run("embed", pack, "--text", "b", "--same-space-as", pack, status: 1)
      #expect(none.errors.contains("is no record of embeddings"))
    },
    OptionCase("embed", "layer") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let result = try bench.run(
        "embed", pack, "--text", "a red circle", "a", "--layer", "-2", "-o", "t.npy", "--json")
      let shape = try #require(result.json["shape"] as? [Int])
      #expect(shape.count == 3 && shape[0] == 2)
      let bytes = try bench.bytes(of: bench.folder.appending("t.npy").string)
      #expect(bytes.count == 128 + 4 * shape.reduce(1, *))
      #expect(try bench.text("t.meta.json").contains(#""layer": -2"#))
      // The last layer's row at the end token leads to the embedding; 0 is another layer.
      try bench.run("embed", pack, "--text", "a", "--layer", "0", "-o", "z.npy")
      let zero = try bench.bytes(of: bench.folder.appending("z.npy").string)
      #expect(zero.count == 128 + 4 * shape[1] * shape[2])
      let picture = try bench.run(
        "embed", pack, "--image", OptionBench.picture, "--layer", "1", "-o", "i.npy", "--json")
      #expect((picture.json["shape"] as? [Int])?.count == 3)
      let none = try bench.run(
        "embed", pack, "--text", "a", "--layer", "99", "-o", "n.npy", status: 1)
      #expect(none.errors.contains("the text tower has no layer 99, it has 0 to "))
      try bench.run("embed", pack, "--text", "a", "--layer", "1", status: 64)
    },
    OptionCase("embed", "compute") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let results = try ["f32", "bf16", "int8"].map {
        try bench.run("embed", pack, "--text", "a", "--compute", $0, "--json")
      }
      #expect(results.map { $0.json["compute"] as? String } == ["f32", "bf16", "int8"])
      #expect(Set(results.map { $0.json["embeddings"] as? [[Double]] }).count == 3)
    },
  ]
}

extension OptionBench {
  /// Makes a record one of vectors in another space.
  func changeSpace(_ name: String) throws {
    var record = try #require(try JSON(parsing: text(name)).object)
    record["embedding_space"] = .string(String(repeating: "0", count: 32))
    try write(JSON.object(record).indented, name)
  }
}
