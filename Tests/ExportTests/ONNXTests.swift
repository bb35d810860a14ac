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

@Suite("ONNX")
struct ONNXTests {
  let exports = Exports()

  /// What a layout calls its graphs, their inputs and outputs.
  struct Names {
    var (visual, textual) = ("onnx/vision_model", "onnx/text_model")
    var (pixels, ids) = ("pixel_values", "input_ids")
    var (images, texts) = ("image_embeds", "text_embeds")

    static func of(_ layout: ONNXLayout) -> Names {
      var names = Names()
      switch layout {
      case .transformersJS: break
      case .immich:
        (names.visual, names.textual) = ("visual/model", "textual/model")
        (names.pixels, names.ids) = ("image", "text")
        (names.images, names.texts) = ("image_embedding", "text_embedding")
      case .fastembed: (names.visual, names.textual) = ("image/model", "text/model")
      }
      return names
    }
  }

  @Test(arguments: ONNXLayout.allCases, WeightForm.allCases)
  func `every layout has its files, names and types`(
    _ layout: ONNXLayout, _ form: WeightForm
  ) throws {
    let folder = exports.folder.appending("out")
    let model = try exports.model("demo")
    let summary = try ONNXExport(model, layout: layout, form: form).write(into: folder)
    let suffix = form == .dynamic && layout == .transformersJS ? "_quantized" : ""
    let names = Names.of(layout)
    let image = try ExportedGraph(folder.below("\(names.visual)\(suffix).onnx"))
    let text = try ExportedGraph(folder.below("\(names.textual)\(suffix).onnx"))
    for graph in [image, text] {
      graph.checkOrder()
      #expect(graph.irVersion == 8)
      #expect(graph.operatorSet == 17)
      #expect(
        graph.metadata["clip_pack.content_digest"] == model.pack.contentDigest.description)
      #expect(graph.metadata["clip_pack.embedding_space"]?.utf8.count == 32)
      #expect(graph.metadata["clip_pack.source_digests"]?.utf8.count == 64)
      #expect(graph.metadata["clip_pack.weights"] == form.rawValue)
      let usesIntegers = graph.nodes.contains { $0.operation == "MatMulInteger" }
      #expect(usesIntegers == (form == .dynamic))
      let isNormalised = graph.nodes.contains { $0.operation == "ReduceL2" }
      #expect(isNormalised == (layout != .transformersJS))
    }
    let batch = layout == .immich ? "batch" : "batch_size"
    let most = try #require(model.graph.text).tokens.upperBound
    let length = layout == .immich ? "\(most)" : "sequence_length"
    let width = "\(model.graph.width)"
    #expect(image.inputs == [names.pixels: .init(type: 1, extents: [batch, "3", "64", "64"])])
    #expect(image.outputs == [names.images: .init(type: 1, extents: [batch, width])])
    let type = layout == .immich ? 6 : 7
    #expect(text.inputs == [names.ids: .init(type: type, extents: [batch, length])])
    #expect(text.outputs == [names.texts: .init(type: 1, extents: [batch, width])])
    for file in summary.files {
      #expect(FileKind(of: folder.below(file.name)) == .file, "\(file.name)")
    }
  }

  @Test func `weights are one byte each and the pack's own codes`() throws {
    let folder = exports.folder.appending("out")
    let model = try exports.model("demo")
    try _ = ONNXExport(model).write(into: folder)
    let graph = try ExportedGraph(folder.below("onnx/vision_model.onnx"))
    let name = "vision_model.encoder.layers.1.mlp.fc1.weight"
    let tensor = try #require(model.pack.tensor(name))
    let exported = try #require(graph.tensors[name])
    #expect(exported.type == 3)
    #expect(exported.extents == tensor.shape.extents.reversed())
    let codes = try Exports.bytes(of: tensor, stream: 0, model.pack)
    let values = Array(exported.values)
    let (rows, columns) = (tensor.rows, tensor.columns)
    let turned = (0..<columns).flatMap { column in
      (0..<rows).map { codes[$0 * columns + column] }
    }
    #expect(values == turned)
    let steps = try #require(graph.tensors[name + ".steps"])
    let expected = try Exports.bytes(of: tensor, stream: 1, model.pack)
    #expect(steps.values.elementsEqual(expected))
  }

  @Test func `values too many for one file go to another, at pages`() throws {
    let (whole, parted) = (exports.folder.appending("a"), exports.folder.appending("b"))
    let model = try exports.model("models/quick-gelu")
    try _ = ONNXExport(model).write(into: whole)
    var export = ONNXExport(model)
    export.maximumFileSize = 4_096
    let summary = try export.write(into: parted)
    #expect(summary.files.contains { $0.name == "onnx/text_model.onnx_data" })
    let configuration = try Exports.text(parted.appending("config.json"))
    #expect(configuration.contains("use_external_data_format"))
    #expect(configuration.contains("\"text_model.onnx\": 1"))
    let graph = try ExportedGraph(whole.below("onnx/text_model.onnx"))
    let other = try ExportedGraph(parted.below("onnx/text_model.onnx"))
    let file = try MappedFile(parted.below("onnx/text_model.onnx_data"))
    let (names, otherNames) = (graph.tensors.keys.sorted(), other.tensors.keys.sorted())
    #expect(names == otherNames)
    var count = 0
    for name in names {
      let isSame = try Self.values(other, name, file) == Self.values(graph, name, file)
      #expect(isSame, "\(name)")
      count += other.tensors[name]?.external.count ?? 0
    }
    #expect(count > 10)
  }

  /// A tensor's values, from the file beside the graph where they are there.
  private static func values(
    _ graph: ExportedGraph, _ name: String, _ file: MappedFile
  ) throws -> [UInt8] {
    guard let tensor = graph.tensors[name] else { return [] }
    guard let location = tensor.external["location"] else { return Array(tensor.values) }
    #expect(location == "text_model.onnx_data")
    let offset = try #require(Int(tensor.external["offset"] ?? ""))
    let length = try #require(Int(tensor.external["length"] ?? ""))
    #expect(offset % 4_096 == 0)
    let bytes = file.bytes
    return bytes.extracting(offset..<offset + length).array
  }

  /// Made by `Scripts/check_exports --record`: the graphs' digests, and what ONNX Runtime answered
  /// to the first two probes.
  @Test func `ONNX Runtime's answers to these very graphs are the pack's`() throws {
    let folder = exports.folder.appending("out")
    let model = try exports.model("models/quick-gelu")
    try _ = ONNXExport(model).write(into: folder)
    let recorded = try Exports.json(Fixture.path("exports/onnxruntime.json"))
    let files = try #require(recorded["files"]?.object)
    #expect(files.keys == ["model.onnx", "text_model.onnx", "vision_model.onnx"])
    let reference = try Safetensors(folder.below("conformance/reference.safetensors"))
    for name in files.keys {
      let entry = try #require(files[name])
      let digest = try Exports.digest(folder.below("onnx/\(name)"))
      #expect(digest == entry["sha256"]?.string)
      for output in ["image_embeds", "text_embeds"] {
        guard let rows = entry[output]?.array else { continue }
        let expected = try #require(reference.tensor(named: output)).floats
        for (row, values) in rows.enumerated() {
          let found = values.array!.map { $0.double! }
          let norm = found.reduce(0) { $0 + $1 * $1 }.squareRoot()
          for (index, value) in found.enumerated() {
            #expect(abs(value / norm - Double(expected[row * found.count + index])) <= 1e-5)
          }
        }
      }
    }
  }

  @Test func `a folder with files in it is left alone`() throws {
    let model = try exports.model("models/text-only")
    let folder = exports.folder.appending("out")
    try Folder.create(folder)
    try exports.folder.write([1], "out/mine")
    let refusal = #expect(throws: Refusal.self) { try ONNXExport(model).write(into: folder) }
    #expect(refusal?.code == .exists)
    #expect(refusal?.reason == "'\(folder)' is not empty")
    #expect(try Folder.names(in: folder) == ["mine"])
    try _ = ONNXExport(model).write(into: folder, overwriting: true)
    #expect(try Folder.names(in: folder).contains("onnx"))
    #expect(try Folder.names(in: folder.appending("onnx")) == ["text_model.onnx"])
  }

  @Test func `what a layout cannot say is refused, and nothing is written`() throws {
    let folder = exports.folder.appending("out")
    for layout in [ONNXLayout.immich, .fastembed] {
      let model = try exports.model("models/text-only")
      #expect(throws: ModelError.self) {
        try ONNXExport(model, layout: layout).write(into: folder)
      }
    }
    let lossless = try exports.model("models/quick-gelu", .lossless)
    let refusal = #expect(throws: Refusal.self) {
      try ONNXExport(lossless, form: .dynamic).write(into: folder)
    }
    #expect(
      refusal?.reason
        == "no matrix of the pack has 8-bit codes, which products of integers need; convert to int8"
    )
    #expect(FileKind(of: folder) == nil)
  }
}
