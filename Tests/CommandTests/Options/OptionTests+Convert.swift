import Bytes
import SystemPackage
import Testing
import TestSupport

extension OptionTests {
  static let convert = [
    OptionCase("convert", "source") { (bench: OptionBench) throws in
      try bench.run("convert", OptionBench.tiny + "/model.safetensors", "--no-evidence")
      #expect(try Folder.names(in: bench.folder.path) == ["model.clippack"])
    },
    OptionCase("convert", "output") { (bench: OptionBench) throws in
      try bench.run("convert", OptionBench.tiny, "--output", "a b", "--no-evidence")
      #expect(try Folder.names(in: bench.folder.path) == ["a b"])
      let folder = try bench.run("convert", OptionBench.tiny, "-o", "new/", status: 2)
      #expect(
        folder.errors
          == "clip-pack: cannot write 'new': new/ names a folder, and one file is written\n")
    },
    OptionCase("convert", "to") { (bench: OptionBench) throws in
      for target in ["lossless", "f16", "bf16", "int8"] {
        #expect(try bench.convert("--to", target, "--no-evidence").status == 0)
        let recipe = bench.value(
          try bench.run("inspect", "x.clippack", "--json"), "recipe", "target")
        #expect(recipe as? String == target)
      }
    },
    OptionCase("convert", "bits") { (bench: OptionBench) throws in
      let sizes = try ["3", "6.5"].map { bits in
        try #require(bench.convert("--bits", bits).json["bits_per_weight"] as? Double)
      }
      // A model this small is mostly what does not go below 16 bits.
      #expect(sizes[0] + 0.5 < sizes[1])
      #expect(try bench.convert("--bits", "1").status == 64)
    },
    OptionCase("convert", "max-bytes") { (bench: OptionBench) throws in
      let bytes = bench.value(try bench.convert("--max-bytes", "0.08MB"), "pack_bytes") as? Int
      #expect(try #require(bytes) <= 80_000)
      let refused = try bench.convert("--max-bytes", "1KB")
      #expect(refused.status == 1)
      #expect(refused.errors.contains("no pack of this model fits 1000 bytes"))
    },
    OptionCase("convert", "min-cosine") { (bench: OptionBench) throws in
      let low = try bench.convert("--min-cosine", "0")
      #expect(low.status == 0)
      let high = try bench.convert("--min-cosine", "0.999")
      #expect(try #require(high.json["image_cosine_min"] as? Double) >= 0.999)
      #expect(
        try #require(low.json["pack_bytes"] as? Int) < #require(high.json["pack_bytes"] as? Int))
    },
    OptionCase("convert", "explore") { (bench: OptionBench) throws in
      let result = try bench.run(
        "convert", OptionBench.tiny, "--explore", "-o", "curve.svg", "--calibration", "none",
        "--json")
      // So small a model is mostly vectors, and 2 bits are less than these take.
      #expect((result.json["points"] as? [Any])?.count == 9)
      #expect(
        (result.json["notes"] as? [String])?.last
          == "left out, because nothing that answers is left of the model: 2.0 bits")
      #expect(try Folder.names(in: bench.folder.path) == ["curve.svg"])
      #expect(try bench.text("curve.svg").hasPrefix("<svg"))
    },
    OptionCase("convert", "storage") { (bench: OptionBench) throws in
      for storage in ["compact", "mapped"] {
        #expect(try bench.convert("--storage", storage, "--no-evidence").status == 0)
        #expect(
          try bench.run("inspect", "x.clippack", "--json").json["storage"] as? String == storage)
      }
    },
    OptionCase("convert", "towers") { (bench: OptionBench) throws in
      for (towers, other) in [("image", "text"), ("text", "image")] {
        #expect(try bench.convert("--towers", towers, "--no-evidence").status == 0)
        let missing = try bench.run("verify", "x.clippack", "--tower", other, status: 1)
        #expect(missing.errors.contains("the pack has no \(other) tower"))
        try bench.run("verify", "x.clippack", "--tower", towers)
      }
    },
    OptionCase("convert", "tokenizer") { (bench: OptionBench) throws in
      try Folder.create(bench.folder.appending("bare"))
      for name in ["config.json", "model.safetensors", "preprocessor_config.json"] {
        try bench.link(OptionBench.demo + "/" + name, "bare/" + name)
      }
      let bare = ["convert", "bare", "--no-evidence", "-o"]
      try bench.run(bare[0], bare[1], bare[2], bare[3], "without")
      #expect(
        try bench.run("tokenize", "without", "a", status: 1).errors
          == "clip-pack: without: the pack has no tokenizer; convert the checkpoint with "
          + "--tokenizer DIR\n")
      try bench.run(
        bare[0], bare[1], bare[2], bare[3], "with", "--tokenizer", OptionBench.demo)
      #expect(
        try bench.run("tokenize", "with", "a cat").output
          == bench.run("tokenize", bench.shared("demo.clippack"), "a cat").output)
    },
    OptionCase("convert", "evidence-images") { (bench: OptionBench) throws in
      try bench.makePictures()
      let result = try bench.convert("--evidence-images", "pictures", "--towers", "image")
      #expect(result.status == 0)
      let left =
        "left out of 'pictures': 2 .gif, 1 ._ file of macOS, 1 .heic, 1 file without an "
        + "ending, 1 folder"
      #expect((result.json["notes"] as? [String])?.contains(left) == true)
      #expect(try bench.run("verify", "x.clippack", "--json").json["images"] as? Int == 2)
      try Folder.create(bench.folder.appending("none"))
      let none = try bench.convert("--evidence-images", "none")
      #expect(none.errors == "clip-pack: 'none' has no .png, .jpg, .jpeg or .webp file\n")
    },
    OptionCase("convert", "evidence-texts") { (bench: OptionBench) throws in
      try bench.write("\u{feff}a red circle\r\n\na blue square\n", "texts")
      let result = try bench.run(
        "convert", OptionBench.demo, "-o", "x.clippack", "--towers", "text", "--evidence-texts",
        "texts", "--json")
      let notes = result.json["notes"] as? [String] ?? []
      #expect(notes.contains("'texts' begins with a byte order mark, which is not taken for text"))
      #expect(notes.contains("1 empty line of 'texts' left out"))
      #expect(try bench.run("verify", "x.clippack", "--json").json["texts"] as? Int == 2)
    },
    OptionCase("convert", "calibration") { (bench: OptionBench) throws in
      try bench.makePictures()
      var digests: [String: String] = [:]
      for choice in ["none", "built-in", "pictures"] {
        let result = try bench.convert("--calibration", choice, "--no-evidence")
        #expect(result.status == 0)
        digests[choice] = result.json["content_digest"] as? String
      }
      #expect(Set(digests.values).count == 3)
      let usual = try bench.convert("--no-evidence").json["content_digest"] as? String
      #expect(usual == digests["built-in"])
    },
    OptionCase("convert", "adapter") { (bench: OptionBench) throws in
      let refused = try bench.convert("--adapter", "nowhere", "--no-evidence")
      #expect(refused.status != 0)
      #expect(refused.errors.contains("nowhere"))
    },
    OptionCase("convert", "text-tower") { (bench: OptionBench) throws in
      let (base, text) = (OptionBench.family("metaclip2"), OptionBench.family("m-clip"))
      try bench.run("convert", base, "--text-tower", text, "--no-evidence", "-o", "x")
      let provenance = try bench.run("inspect", "x", "--json")
      #expect(provenance.output.contains("text_tower/model.safetensors"))
      let refused = try bench.run(
        "convert", base, "--text-tower", OptionBench.family("m-clip-labse"), "-o", "y", status: 1)
      #expect(refused.errors.contains("embeddings of images are 20 wide, those of texts 24"))
    },
    OptionCase("convert", "activation") { (bench: OptionBench) throws in
      let weights = Fixture.path("models/openai-bare/model.safetensors").string
      for activation in ["quick_gelu", "gelu"] {
        let result = try bench.run(
          "convert", weights, "--activation", activation, "--no-evidence", "-o", "x", "--json")
        let note = "the activation is \(activation), as was given; no file says it"
        #expect((result.json["notes"] as? [String])?.contains(note) == true)
        #expect(try bench.run("inspect", "x", "--json").output.contains(note))
      }
      let refused = try bench.convert("--activation", "gelu")
      #expect(
        refused.errors.hasSuffix(
          "config.json: says what the activation is, so gelu cannot be given; leave it out, or "
            + "change the file\n"))
    },
    OptionCase("convert", "no-evidence") { (bench: OptionBench) throws in
      #expect(try bench.convert("--no-evidence").json["image_cosine_min"] == nil)
      #expect(
        try bench.run("verify", "x.clippack", status: 1).errors
          .hasSuffix("; verify it with --against SOURCE or --reference FILE\n"))
    },
    OptionCase("convert", "allow-non-finite") { (bench: OptionBench) throws in
      var bytes = try bench.bytes(of: OptionBench.tiny + "/model.safetensors")
      // The last value of the last tensor becomes a NaN, whichever float type it has.
      bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0xff, 0x7f, 0xff, 0x7f])
      try Folder.create(bench.folder.appending("broken"))
      try bench.folder.write(bytes, "broken/model.safetensors")
      try bench.link(OptionBench.tiny + "/config.json", "broken/config.json")
      let refused = try bench.run("convert", "broken", "--no-evidence", status: 1)
      #expect(refused.errors.contains("; --allow-non-finite keeps the tensor as it is"))
      let kept = try bench.run("convert", "broken", "--no-evidence", "--allow-non-finite")
      #expect(kept.errors.contains("it is kept as it is"))
    },
  ]
}
