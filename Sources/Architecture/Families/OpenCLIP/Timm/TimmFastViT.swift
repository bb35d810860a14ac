internal import Bytes

/// timm's FastViT, the image tower of MobileCLIP: stages of convolutions, attention in the last
/// ones. Each convolution was trained as a sum of branches, and is computed so.
///
/// Source: `fastvit.py` of timm 1.0.31.
struct TimmFastViT: TowerDescription {
  var timm: TimmSource
  var stages: [Stage]
  /// Whether the stem's convolutions have a branch of single places.
  var hasStemScale: Bool
  /// Whether attention comes behind statistics of training, or else behind LayerNorm.
  var hasBatchNorm: Bool
  /// Channels behind the last convolution, and inside its gate.
  var last: (width: Int, gateWidth: Int)

  struct Stage {
    var width: Int
    var depth: Int
    var hiddenWidth: Int
    /// Whether blocks mix places by attention, and not by a convolution.
    var hasAttention: Bool
    /// Whether the map is halved before the first block.
    var isHalved: Bool
    /// The width inside the gate of channels behind that; 0 without.
    var gateWidth: Int
    /// The edge of the convolution that tells positions; 0 without.
    var positionEdge: Int
  }

  static func read(_ source: TowerSource) throws(FormatError) -> TimmFastViT? {
    let names = (0...4).map { "fastvit_mci\($0)" }
    guard let timm = try TimmSource(source, where: names.contains) else { return nil }
    try timm.refusePool(unless: ["avg"])
    let count = timm.count { "stages.\($0).blocks.0.mlp.fc1.weight" }
    func list(
      _ key: String, _ allowed: ClosedRange<Int>, _ found: (String) -> Int?
    ) throws(FormatError) -> [Int] {
      try timm.wholes(key, allowed, (0..<count).map { found("stages.\($0).") })
    }
    let widths = try list("embed_dims", Limits.width) {
      timm.extent($0 + "blocks.0.mlp.fc1.weight", 1, rank: 4)
    }
    let depths = try list("layers", Limits.layers) { stage in
      timm.count { "\(stage)blocks.\($0).mlp.fc1.weight" }
    }
    let hidden = try list("mlp_hidden", Limits.hiddenWidth) {
      timm.extent($0 + "blocks.0.mlp.fc1.weight", 0, rank: 4)
    }
    let attention = try list("attention", 0...1) {
      timm.has($0 + "blocks.0.token_mixer.qkv.weight") ? 1 : 0
    }
    let halved = try list("downsamples", 0...1) {
      timm.has($0 + "downsample.proj.0.large_conv.conv.weight") ? 1 : 0
    }
    let gates = try list("se_widths", 0...Limits.width.upperBound) {
      timm.extent($0 + "downsample.proj.0.se.fc1.weight", 0, rank: 4) ?? 0
    }
    let positions = try list("pos_kernels", 0...63) {
      timm.extent($0 + "pos_emb.pos_enc.weight", 2, rank: 4) ?? 0
    }
    guard
      [depths, hidden, attention, halved, gates, positions].allSatisfy({
        $0.count == widths.count
      }), (1...8).contains(widths.count)
    else {
      throw FormatError(
        .inconsistent,
        "\(JSON.quoted(timm.name)) has \(widths.count) stages, 1 to 8 and as many numbers of each "
          + "kind are needed")
    }
    guard zip(widths, attention).allSatisfy({ $1 == 0 || $0 % 32 == 0 }) else {
      throw FormatError(
        .inconsistent, "stages of attention are \(widths) wide, multiples of 32 are needed")
    }
    return TimmFastViT(
      timm: timm,
      stages: widths.indices.map {
        Stage(
          width: widths[$0], depth: depths[$0], hiddenWidth: hidden[$0],
          hasAttention: attention[$0] == 1, isHalved: halved[$0] == 1, gateWidth: gates[$0],
          positionEdge: positions[$0])
      },
      hasStemScale: try timm.flag("stem_scale", timm.has("stem.0.conv_scale.conv.weight")),
      hasBatchNorm: try timm.flag(
        "batch_norm",
        (0..<count).contains { timm.has("stages.\($0).blocks.0.norm.running_mean") }),
      last: (
        try timm.whole(
          "final_width", Limits.width,
          timm.extent("final_conv.conv_kxk.0.conv.weight", 0, rank: 4)),
        try timm.whole(
          "final_se_width", Limits.width, timm.extent("final_conv.se.fc1.weight", 0, rank: 4))
      ))
  }

  var json: JSON.Object { timm.json }

  var details: JSON.Object {
    func list(_ value: (Stage) -> Int) -> JSON { .array(stages.map { .integer(value($0)) }) }
    return [
      "embed_dims": list(\.width), "layers": list(\.depth), "mlp_hidden": list(\.hiddenWidth),
      "attention": list { $0.hasAttention ? 1 : 0 }, "downsamples": list { $0.isHalved ? 1 : 0 },
      "se_widths": list(\.gateWidth), "pos_kernels": list(\.positionEdge),
      "stem_scale": .bool(hasStemScale), "batch_norm": .bool(hasBatchNorm),
      "final_width": .integer(last.width), "final_se_width": .integer(last.gateWidth),
    ]
  }

  var locations: [String: TensorLocation] {
    var result: [String: TensorLocation] = [:]
    // Convolutions of single places, and factors of channels.
    var pointwise = ["trunk.final_conv.se.fc1.weight", "trunk.final_conv.se.fc2.weight"]
    for (number, stage) in stages.enumerated() {
      let module = "trunk.stages.\(number)."
      for matrix in ["fc1", "fc2"] where stage.gateWidth > 0 {
        pointwise.append(module + "downsample.proj.0.se.\(matrix).weight")
      }
      for block in 0..<stage.depth {
        let inner = module + "blocks.\(block)."
        pointwise += [inner + "mlp.fc1.weight", inner + "mlp.fc2.weight"]
        let scales =
          stage.hasAttention
          ? ["layer_scale_1", "layer_scale_2"] : ["layer_scale", "token_mixer.layer_scale"]
        pointwise += scales.map { inner + $0 + ".gamma" }
        guard stage.hasAttention else { continue }
        result.stack(["q_proj", "k_proj", "v_proj"], of: inner + "token_mixer.") { "qkv.\($0)" }
      }
    }
    result.add(ones: (0, 2), to: pointwise)
    return result
  }
}
