import Bytes
import SystemPackage
import Testing
import TestSupport

extension OptionTests {
  static let verify = [
    OptionCase("verify", "pack") { (bench: OptionBench) throws in
      let named = try bench.run("verify", bench.shared("tiny.clippack"))
      #expect(named.output.contains("\npassed"))
      try bench.link(try bench.shared("tiny.clippack"), "only.clippack")
      #expect(try bench.run("verify").output.hasPrefix("only.clippack: "))
      try bench.link(try bench.shared("tiny.clippack"), "second.clippack")
      #expect(
        try bench.run("verify", status: 1).errors
          == "clip-pack: there are 2 packs here (only.clippack, second.clippack); name one\n")
    },
    OptionCase("verify", "against") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      try bench.run("verify", pack, "--against", OptionBench.tiny)
      let other = try bench.run("verify", pack, "--against", OptionBench.demo, status: 1)
      #expect(other.output.contains("is of another architecture than the pack"))
    },
    OptionCase("verify", "tokenizer") { (bench: OptionBench) throws in
      let pack = try bench.shared("demo.clippack")
      let weights = OptionBench.demo
      try bench.run("verify", pack, "--against", weights, "--tokenizer", weights)
      try bench.run("verify", pack, "--against", weights, "--tokenizer", "nowhere", status: 2)
      try bench.run("verify", pack, "--tokenizer", weights, status: 64)
    },
    OptionCase("verify", "text-tower") { (bench: OptionBench) throws in
      let (base, text) = (OptionBench.family("metaclip2"), OptionBench.family("m-clip"))
      try bench.run("convert", base, "--text-tower", text, "-o", "x")
      try bench.run("verify", "x", "--against", base, "--text-tower", text, "--rebuild")
      let alone = try bench.run("verify", "x", "--against", base, status: 1)
      #expect(alone.output.contains("is of another architecture than the pack"))
      try bench.run("verify", "x", "--text-tower", text, status: 64)
    },
    OptionCase("verify", "activation") { (bench: OptionBench) throws in
      let weights = Fixture.path("models/openai-bare/model.safetensors").string
      try bench.run("convert", weights, "--activation", "gelu", "-o", "x")
      try bench.run("verify", "x", "--against", weights, "--activation", "gelu")
      try bench.run("verify", "x", "--against", weights, status: 1)
      try bench.run("verify", "x", "--activation", "gelu", status: 64)
    },
    OptionCase("verify", "adapter") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      try bench.run("verify", pack, "--adapter", "nowhere", status: 64)
      let refused = try Program.run(
        ["verify", pack, "--against", OptionBench.tiny, "--adapter", "nowhere"],
        in: bench.folder.path)
      #expect(refused.status != 0)
      #expect(refused.errors.contains("nowhere"))
    },
    OptionCase("verify", "rebuild") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      let result = try bench.run(
        "verify", pack, "--against", OptionBench.tiny, "--rebuild", "--json")
      #expect(result.json["rebuilt"] as? Bool == true)
      try bench.run("verify", pack, "--rebuild", status: 64)
    },
    OptionCase("verify", "calibration") { (bench: OptionBench) throws in
      try bench.makePictures()
      #expect(try bench.convert("--calibration", "pictures", "--no-evidence").status == 0)
      let base = ["verify", "x.clippack", "--against", OptionBench.tiny, "--rebuild"]
      let without = try Program.run(base, in: bench.folder.path)
      #expect(without.status == 0 && without.output.contains("not each code"))
      #expect(without.output.contains("--calibration DIR proves them too"))
      let proven = try Program.run(
        base + ["--calibration", "pictures", "--json"], in: bench.folder.path)
      #expect(proven.status == 0)
      #expect((proven.json["not_rebuilt"] as? [String])?.isEmpty == true)
      let others = try Program.run(
        base + ["--calibration", OptionBench.pictures], in: bench.folder.path)
      #expect(others.status == 1)
      #expect(others.errors.contains("are not those that the pack was rounded for"))
      try bench.run(
        "verify", "x.clippack", "--against", OptionBench.tiny, "--calibration", "pictures",
        status: 64)
    },
    OptionCase("verify", "reference") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      try bench.run("verify", pack, "--reference", OptionBench.tiny + "/reference.safetensors")
      let none = OptionBench.tiny + "/model.safetensors"
      #expect(
        try bench.run("verify", pack, "--reference", none, status: 1).errors.contains(none))
    },
    OptionCase("verify", "published") { (bench: OptionBench) throws in
      let result = try bench.run(
        "verify", bench.shared("tiny.clippack"), "--published", status: 1)
      #expect(result.errors.contains("openai/clip-vit-base-patch32"))
    },
    OptionCase("verify", "published-answers") { (bench: OptionBench) throws in
      let result = try bench.run(
        "verify", bench.shared("tiny.clippack"), "--published", "--published-answers",
        OptionBench.tiny + "/published.json")
      #expect(result.output.contains("passed"))
    },
    OptionCase("verify", "min-cosine") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      try bench.run("verify", pack, "--min-cosine", "0.5")
      let failed = try bench.run("verify", pack, "--min-cosine", "1", status: 1)
      #expect(failed.output.contains("at least 1.0000000 is needed"))
      try bench.run("verify", pack, "--min-cosine", "1.1", status: 64)
    },
    OptionCase("verify", "evidence-images") { (bench: OptionBench) throws in
      try bench.makePictures()
      let arguments = [
        "verify", try bench.shared("tiny.clippack"), "--evidence-images", "pictures",
      ]
      let images =
        try bench.run(
          arguments[0], arguments[1], "--against", OptionBench.tiny, arguments[2], arguments[3],
          "--json"
        ).json["images"] as? Int
      #expect(try #require(images) >= 2)
      try bench.run(arguments[0], arguments[1], arguments[2], arguments[3], status: 64)
    },
    OptionCase("verify", "evidence-texts") { (bench: OptionBench) throws in
      try bench.write("one\ntwo\nthree\n", "texts")
      let pack = try bench.shared("demo.clippack")
      let texts =
        try bench.run(
          "verify", pack, "--against", OptionBench.demo, "--evidence-texts", "texts", "--json"
        ).json["texts"] as? Int
      #expect(try #require(texts) >= 3)
      try bench.run("verify", pack, "--evidence-texts", "texts", status: 64)
    },
    OptionCase("verify", "public-key") { (bench: OptionBench) throws in
      let signed = try bench.shared("signed.clippack")
      let good = try bench.run("verify", signed, "--public-key", bench.shared("key.pub"), "--json")
      #expect((good.json["signed_by"] as? [String])?.count == 1)
      let other = try bench.run(
        "verify", signed, "--public-key", bench.shared("other.pub"), status: 1)
      #expect(other.output.contains("not signed with the key"))
    },
    OptionCase("verify", "report") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      try bench.run("verify", pack, "--report", "report.html")
      #expect(try bench.text("report.html").hasPrefix("<!doctype html>"))
      try bench.link(pack, "link.clippack")
      for input in [pack, "link.clippack"] {
        let refused = try bench.run("verify", pack, "--report", input, status: 1)
        #expect(
          refused.errors
            == "clip-pack: cannot write '\(input)': it is an input itself; give the output another "
            + "name\n")
      }
    },
    OptionCase("verify", "tower") { (bench: OptionBench) throws in
      let result = try bench.run(
        "verify", bench.shared("tiny.clippack"), "--tower", "image", "--json")
      let names = result.json["checked"] as? [String] ?? []
      #expect(names.contains { $0.hasPrefix("vision_model.") })
      #expect(!names.contains { $0.hasPrefix("text_model.") })
    },
    OptionCase("verify", "tensor") { (bench: OptionBench) throws in
      let name = "visual_projection.weight"
      let result = try bench.run(
        "verify", bench.shared("tiny.clippack"), "--tensor", name, "--json")
      #expect(result.json["checked"] as? [String] == [name])
    },
    OptionCase("verify", "compute") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      let cosines = try ["f32", "bf16", "int8"].map {
        try bench.run("verify", pack, "--compute", $0, "--json").json["image_cosine_mean"]
          as? Double
      }
      #expect(Set(cosines).count == 3)
      for (arguments, used) in [([], "f32"), (["--compute", "int8"], "int8")] {
        let result = try Program.run(["verify", pack] + arguments, in: bench.folder.path)
        #expect(result.output.contains("(built-in probes) in \(used): "))
      }
    },
  ]
}
