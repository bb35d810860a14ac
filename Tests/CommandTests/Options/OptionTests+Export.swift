import Bytes
import SystemPackage
import TestSupport
import Testing

/// The command that writes what other runtimes load.
extension OptionTests {
  static let exports = [
    OptionCase("export", "pack") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let digest = try bench.run("inspect", pack, "--json").json["content_digest"] as? String
      let result = try bench.run("export", pack, "-o", "out", "--to", "huggingface", "--json")
      #expect(result.json["content_digest"] as? String == digest)
      #expect(try bench.text("out/README.md").contains(digest ?? "none"))
    },
    OptionCase("export", "output") { (bench: OptionBench) throws in
      try bench.run(
        "export", bench.shared("tiny.clippack"), "--output", "a/b", "--to", "huggingface")
      #expect(
        try Folder.names(in: bench.folder.appending("a").appending("b")) == [
          "README.md", "config.json", "conformance", "model.safetensors",
          "preprocessor_config.json",
        ])
    },
    OptionCase("export", "to") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      let folder = try bench.run("export", pack, "-o", "a", "--to", "huggingface")
      #expect(folder.output.contains("a/model.safetensors: "))
      let graphs = try bench.run("export", pack, "-o", "b", "--to", "onnx")
      #expect(graphs.output.contains("b/onnx/vision_model.onnx: "))
    },
    OptionCase("export", "layout") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      for (layout, name) in [
        ("transformers.js", "onnx"), ("immich", "textual"), ("fastembed", "text"),
      ] {
        try bench.run("export", pack, "-o", layout, "--to", "onnx", "--layout", layout)
        #expect(try Folder.names(in: bench.folder.appending(layout)).contains(name))
      }
      let refused = try bench.run(
        "export", pack, "-o", "x", "--to", "huggingface", "--layout", "immich", status: 64)
      #expect(refused.errors.contains("--layout and --weights are for --to onnx"))
      let tiny = try bench.run(
        "export", bench.shared("tiny.clippack"), "-o", "x", "--to", "onnx", "--layout", "immich",
        status: 1)
      #expect(tiny.errors.contains("the pack has no tokenizer"))
    },
    OptionCase("export", "weights") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      try bench.run("export", pack, "-o", "out", "--to", "onnx", "--weights", "exact")
      try bench.run(
        "export", pack, "-o", "out", "--to", "onnx", "--weights", "dynamic", "--overwrite")
      #expect(
        try Folder.names(in: bench.folder.appending("out").appending("onnx")) == [
          "model.onnx", "model_quantized.onnx", "text_model.onnx", "text_model_quantized.onnx",
          "vision_model.onnx", "vision_model_quantized.onnx",
        ])
    },
    OptionCase("export", "overwrite") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      try Folder.create(bench.folder.appending("out"))
      try bench.write("mine", "out/other.txt")
      let refused = try bench.run("export", pack, "-o", "out", "--to", "onnx", status: 1)
      #expect(refused.errors == "clip-pack: 'out' is not empty; --overwrite replaces it\n")
      #expect(try Folder.names(in: bench.folder.appending("out")) == ["other.txt"])
      try bench.run("export", pack, "-o", "out", "--to", "onnx", "--overwrite")
      #expect(try bench.text("out/other.txt") == "mine")
    },
  ]
}
