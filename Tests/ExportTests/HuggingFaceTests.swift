import Architecture
import Bytes
import Checkpoints
import ClipPack
import Export
import PackFormat
import Quantisation
import SystemPackage
import Tensors
import TestSupport
import Testing
import Tokenizers

@Suite("Hugging Face folders")
struct HuggingFaceTests {
  let exports = Exports()

  @Test func `a folder is complete and converts to the same content`() throws {
    let model = try exports.model("demo", .lossless)
    let folder = exports.folder.appending("out")
    let summary = try HuggingFaceExport(model).write(into: folder)
    #expect(
      Set(summary.files.map(\.name)) == [
        "README.md", "config.json", "conformance/README.md", "conformance/reference.safetensors",
        "merges.txt", "model.safetensors", "preprocessor_config.json", "special_tokens_map.json",
        "tokenizer.json", "tokenizer_config.json", "vocab.json",
      ])
    let again = try Checkpoint(folder.string)
    #expect(again.family.network == model.graph.network)
    let weights = try Safetensors(folder.appending("model.safetensors"))
    for tensor in model.pack.tensors where tensor.isModel {
      let written = try #require(weights.tensor(named: tensor.name))
      let expected = try model.pack.decoded(tensor)
      #expect(written.elementType == expected.elementType)
      #expect(written.buffer.bytes.array == expected.buffer.bytes.array, "\(tensor.name)")
    }
  }

  @Test func `the tokenizer's files say its limit and its special tokens`() throws {
    let model = try exports.model("demo")
    let folder = exports.folder.appending("out")
    _ = try HuggingFaceExport(model).write(into: folder)
    let settings = try Exports.json(folder.appending("tokenizer_config.json"))
    #expect(settings["model_max_length"]?.int == model.graph.text?.tokens.upperBound)
    let map = try #require(
      try Exports.json(folder.appending("special_tokens_map.json")).object)
    let tokenizer = try #require(try model.tokenizer)
    #expect(map["bos_token"]?.string == tokenizer.start.map(tokenizer.token))
    #expect(map["eos_token"]?.string == tokenizer.end.map(tokenizer.token))
    #expect(map["pad_token"] != nil)
    let again = try Tokenizer(folder: folder)
    for text in ["a red circle", "Blue  triangles!", ""] {
      #expect(again.encode(text) == tokenizer.encode(text))
    }
  }

  @Test(arguments: ["siglip", "siglip-gelu"])
  func `tensors have the source's names, shapes and bytes`(_ name: String) throws {
    let model = try exports.model("families/\(name)", .lossless)
    let folder = exports.folder.appending("out")
    _ = try HuggingFaceExport(model).write(into: folder)
    let written = try Safetensors(folder.appending("model.safetensors"))
    let source = try Safetensors(Fixture.path("families/\(name)/model.safetensors"))
    for entry in written.tensors {
      let expected = try #require(source.tensor(named: entry.name))
      let found = written.tensor(entry)
      #expect(found.shape == expected.shape, "\(entry.name)")
      let (bytes, expectedBytes) = (found.buffer.bytes.array, expected.buffer.bytes.array)
      #expect(bytes == expectedBytes, "\(entry.name)")
    }
    #expect(written.tensors.count == source.tensors.count)
  }

  @Test func `a model that transformers does not have is refused, and nothing is written`() throws {
    let folder = exports.folder.appending("out")
    let refusal = #expect(throws: Refusal.self) {
      try HuggingFaceExport(exports.model("families/resnet")).write(into: folder)
    }
    #expect(
      refusal?.reason
        == "the model is one that transformers does not have: unpack it for its own library, or "
        + "export it as ONNX")
    #expect(FileKind(of: folder) == nil)
  }

  @Test func `the card names the pack and its measures`() throws {
    let model = try exports.model("models/quick-gelu")
    let folder = exports.folder.appending("out")
    let summary = try HuggingFaceExport(model).write(into: folder)
    let card = try Exports.text(folder.appending("README.md"))
    #expect(card.contains(model.pack.contentDigest.description))
    #expect(card.contains("The pack was made without evidence."))
    #expect(card.contains("SHA-256 of model.safetensors"))
    #expect(summary.notes == ["the pack has no tokenizer, and none is written"])
  }
}
