import Bytes
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Commands that read packs, and those that make other files of them.
extension OptionTests {
  static let packs = [
    OptionCase("inspect", "file") { (bench: OptionBench) throws in
      #expect(
        try bench.run("inspect", bench.shared("tiny.clippack")).output
          .contains("visual_projection.weight"))
      #expect(
        try bench.run("inspect", OptionBench.tiny + "/model.safetensors").output
          .contains("safetensors, "))
    },
    OptionCase("inspect", "signature") { (bench: OptionBench) throws in
      try bench.run("inspect", bench.shared("signed.clippack"), "--signature", "s")
      #expect(try bench.text("s.msg").hasPrefix("clip-pack signature 1\n"))
      #expect(try bench.bytes(of: bench.folder.appending("s.sig").string).count == 64)
    },
    OptionCase("repack", "pack") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      try bench.link(pack, "link")
      let refused = try bench.run("repack", pack, "--storage", "mapped", "-o", "link", status: 1)
      #expect(refused.errors.contains("it is an input itself"))
    },
    OptionCase("repack", "output") { (bench: OptionBench) throws in
      try bench.run(
        "repack", bench.shared("tiny.clippack"), "--storage", "mapped", "--output", "m")
      #expect(try Folder.names(in: bench.folder.path) == ["m"])
    },
    OptionCase("repack", "storage") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      for storage in ["compact", "mapped"] {
        try bench.run("repack", pack, "--storage", storage, "-o", "x")
        #expect(try bench.run("inspect", "x", "--json").json["storage"] as? String == storage)
      }
    },
    OptionCase("unpack", "pack") { (bench: OptionBench) throws in
      try bench.run("unpack", bench.shared("whole.clippack"), "-o", "out")
      #expect(
        try bench.bytes(of: bench.folder.appending("out/model.safetensors").string)
          == bench.bytes(of: OptionBench.demo + "/model.safetensors"))
    },
    OptionCase("unpack", "output") { (bench: OptionBench) throws in
      try bench.run("unpack", bench.shared("tiny.clippack"), "--output", "a/b")
      #expect(
        try Folder.names(in: bench.folder.appending("a/b")) == [
          "config.json", "model.safetensors", "preprocessor_config.json",
        ])
    },
    OptionCase("unpack", "overwrite") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      try Folder.create(bench.folder.appending("out"))
      try bench.write("mine", "out/config.json")
      try bench.write("mine", "out/other.txt")
      let refused = try bench.run("unpack", pack, "-o", "out", status: 1)
      #expect(
        refused.errors
          == "clip-pack: 'out/config.json' is there already; --overwrite replaces it\n")
      #expect(
        try Folder.names(in: bench.folder.appending("out")) == ["config.json", "other.txt"])
      try bench.run("unpack", pack, "-o", "out", "--overwrite")
      #expect(try bench.text("out/config.json") != "mine")
      #expect(try bench.text("out/other.txt") == "mine")
    },
    OptionCase("keygen", "output") { (bench: OptionBench) throws in
      try bench.run("keygen", "--output", "k")
      #expect(FileKind.permissions(of: bench.folder.appending("k")) == .ownerReadWrite)
      let again = try bench.run("keygen", "-o", "k", status: 1)
      #expect(
        again.errors
          == "clip-pack: 'k' is there already, and keys are not replaced; give another name\n")
    },
    OptionCase("sign", "pack") { (bench: OptionBench) throws in
      let bytes = try bench.bytes(of: bench.shared("tiny.clippack"))
      let path = try bench.folder.write(bytes, "p")
      #expect(unsafe chmod(path.string, 0o600) == 0)
      try bench.run("sign", "p", "--key", bench.shared("key"))
      #expect(FileKind.permissions(of: path) == .ownerReadWrite)
      try bench.run("verify", "p", "--public-key", bench.shared("key.pub"))
    },
    OptionCase("sign", "key") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      let other = try bench.run(
        "sign", pack, "--key", bench.shared("key.pub"), "-o", "x", status: 1)
      #expect(other.errors.contains("is a public key"))
      let key = try bench.folder.write(bench.bytes(of: bench.shared("key")), "k")
      #expect(unsafe chmod(key.string, 0o600) == 0)
      let refused = try bench.run("sign", pack, "--key", "k", "-o", "k", status: 1)
      #expect(refused.errors.contains("it is an input itself"))
    },
    OptionCase("sign", "output") { (bench: OptionBench) throws in
      try bench.run(
        "sign", bench.shared("tiny.clippack"), "--key", bench.shared("key"), "--output", "s")
      try bench.run("verify", "s", "--public-key", bench.shared("key.pub"))
    },
    OptionCase("bench", "pack") { (bench: OptionBench) throws in
      #expect(
        try bench.run("bench", bench.shared("tiny.clippack"), "--rounds", "1").output
          .contains("image ×1"))
    },
    OptionCase("bench", "rounds") { (bench: OptionBench) throws in
      let pack = try bench.shared("tiny.clippack")
      let result = try bench.run("bench", pack, "--rounds", "2", "--json")
      #expect(result.json["rounds"] as? Int == 2)
      try bench.run("bench", pack, "--rounds", "0", status: 64)
    },
    OptionCase("bench", "compute") { (bench: OptionBench) throws in
      let result = try bench.run(
        "bench", bench.shared("tiny.clippack"), "--rounds", "1", "--compute", "bf16", "--json")
      #expect(result.json["compute"] as? String == "bf16")
    },
  ]
}
