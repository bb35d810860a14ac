internal import Bytes
internal import Tensors

extension OpenCLIPWeights {
  /// What `open_clip_config.json` would say, where there is none and shapes say it: of OpenAI's
  /// ResNets. `nil` for CLIP's own transformers, which are read without a configuration elsewhere.
  ///
  /// - Throws: `FormatError` for towers whose shapes leave too much open.
  func inferred() throws(FormatError) -> (json: JSON, assumptions: [String])? {
    if let image, image.has("attnpool.c_proj.weight") { return try resNet(image) }
    for (part, kind) in [
      ("visual.trunk.", "an image tower of timm"), ("visual.attn_pool.", "an image tower of CoCa"),
      ("text.transformer.", "a text tower of another architecture"),
    ] {
      guard
        let name = files.shapes.keys.filter({
          $0.hasPrefix(prefix + part) && !$0.hasPrefix(prefix + "text.transformer.resblocks.")
        }).min()
      else { continue }
      throw FormatError(
        .unsupported,
        "belongs to \(kind), of which shapes do not say enough; put the model's "
          + "open_clip_config.json beside the weights", tensor: name)
    }
    return nil
  }

  private func resNet(
    _ image: TowerWeights
  ) throws(FormatError) -> (json: JSON, assumptions: [String]) {
    let places = try image.needed("attnpool.positional_embedding", rank: 2)
    // Pictures of up to 4,096 pixels an edge.
    guard let edge = (1...128).first(where: { $0 * $0 + 1 == places[0] }), places[1] % 64 == 0
    else {
      throw FormatError(
        .unsupported, "is \(places[0])×\(places[1]), a square number of places and one is needed",
        tensor: image.prefix + "attnpool.positional_embedding")
    }
    var model: JSON.Object = [
      "embed_dim": .integer(try image.needed("attnpool.c_proj.weight", rank: 2)[0]),
      "quick_gelu": .bool(files.activation != .gelu),
      "vision_cfg": [
        "layers": .array(
          (1...4).map { stage in
            .integer(image.count { "layer\(stage).\($0).conv1.weight" })
          }), "width": .integer(places[1] / 32), "image_size": .integer(32 * edge),
      ],
    ]
    if let text, text.has("token_embedding.weight") {
      model["text_cfg"] = .object(try text.inferredText())
    }
    return (
      ["model_cfg": .object(model)],
      [
        "no open_clip_config.json is beside the weights; their shapes say what it would",
        files.activation.map { "attention heads are 64 wide, as in OpenAI's models; \($0.note)" }
          ?? "attention heads are 64 wide, and the activation of the text tower is quick_gelu, as "
          + "in OpenAI's models",
      ]
    )
  }
}

extension TowerWeights {
  fileprivate func needed(_ name: String, rank: Int) throws(FormatError) -> [Int] {
    guard let extents = extents(name, rank: rank) else {
      let found = files.shapes[prefix + name]
      throw FormatError(
        .inconsistent, "is \(found.map { "\($0)" } ?? "missing"), \(rank) extents are needed",
        tensor: prefix + name)
    }
    return extents
  }

  /// The `text_cfg` of CLIP's text tower.
  fileprivate func inferredText() throws(FormatError) -> JSON.Object {
    let table = try needed("token_embedding.weight", rank: 2)
    guard table[1] % 64 == 0 else {
      throw FormatError(
        .unsupported, "the text tower is \(table[1]) wide, which leaves its number of heads open",
        tensor: prefix + "token_embedding.weight")
    }
    let hidden = try needed("transformer.resblocks.0.mlp.c_fc.weight", rank: 2)[0]
    return [
      "width": .integer(table[1]), "heads": .integer(table[1] / 64),
      "layers": .integer(count { "transformer.resblocks.\($0).ln_1.weight" }),
      "vocab_size": .integer(table[0]),
      "context_length": .integer(try needed("positional_embedding", rank: 2)[0]),
      "mlp_ratio": .number(OpenBlock.ratio(hidden, of: table[1])),
    ]
  }
}
