internal import Architecture
internal import Bytes
internal import Checkpoints
internal import SystemPackage
internal import Tensors

extension FuzzedReader {
  /// The section `network` of a pack: what can be said of it is said before anything runs.
  static func readNetwork(_ bytes: [UInt8]) throws {
    let network = try Network(parsing: JSON(parsing: bytes.span))
    let again = try Network(parsing: network.json)
    precondition(again.json == network.json, "a network reads what it writes")
    let graph = try NetworkGraph(network)
    precondition(graph.parameterCount >= 0 && graph.width > 0, "a network has a width")
  }

  /// The tensors by which families besides transformers' CLIP know themselves.
  private static let marks: [[String: Shape]] = [
    ["vision_model.head.probe": [1, 1, 8], "text_model.head.weight": [8, 8]],
    [
      "visual.attnpool.c_proj.weight": [8, 8], "visual.conv1.weight": [4, 3, 3, 3],
      "visual.attnpool.positional_embedding": [5, 8],
    ],
    [
      "visual.conv1.weight": [8, 3, 4, 4], "visual.class_embedding": [8],
      "visual.positional_embedding": [5, 8], "text.token_embedding.weight": [16, 8],
      "text.positional_embedding": [7, 8], "visual.proj": [8, 8], "logit_scale": [],
    ],
  ]

  /// A `config.json`, or open_clip's, of any family.
  static func readFamily(_ bytes: [UInt8]) throws {
    let json = try JSON(parsing: bytes.span)
    var failure: (any Error)?
    for shapes in marks {
      for files in [
        ModelFiles(shapes: shapes, transformers: json, openCLIP: nil),
        ModelFiles(shapes: shapes, transformers: nil, openCLIP: json),
      ] {
        do {
          let model = try Families.recognise(files)
          _ = try model?.family.graph().parameterCount
        } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
  }

  /// The configuration of an adapter that changes one layer.
  static func readAdapter(_ bytes: [UInt8], in folder: FilePath) throws {
    let layer = "base_model.model.text_model.encoder.layers.0.mlp.fc1"
    var writer = try SafetensorsWriter(
      replacing: folder.appending("adapter_model.safetensors"),
      tensors: [
        .init(layer + ".lora_A.weight", .float32, [2, 4]),
        .init(layer + ".lora_B.weight", .float32, [6, 2]),
      ], metadata: [:])
    try writer.append(Buffer([UInt8](repeating: 0, count: 32)).bytes)
    try writer.append(Buffer([UInt8](repeating: 0, count: 48)).bytes)
    try writer.commit()
    try bytes.write(to: folder.appending("adapter_config.json"))
    _ = try Adapter(folder)
  }
}

extension [UInt8] {
  fileprivate func write(to path: FilePath) throws {
    let file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    _ = try file.closeAfter { try file.writeAll(self) }
  }
}
