internal import Architecture
internal import Bytes

/// The tensors of a file that its network has no use for. Each is known to say nothing, belongs to
/// a tower that is not taken, or lies beside the model, or the file is refused.
enum UnusedTensors {
  /// What the names of tensors end with that say nothing about the forward pass.
  private static let harmless = [
    "position_ids", "num_batches_tracked", "relative_position_index", "attn_mask",
  ]
  /// What OpenAI's archives hold beside the weights.
  private static let numbers = ["input_resolution", "context_length", "vocab_size"]

  static func isHarmless(_ name: String) -> Bool {
    harmless.contains(where: name.hasSuffix) || numbers.contains(name)
  }

  /// Refuses tensors that the network has no use for.
  ///
  /// - Parameters:
  ///   - used: where the network's tensors stand.
  ///   - leftOut: what the names of those begin with that may stay without a use.
  static func refuse(
    _ origins: Origins, _ used: [String: TensorOrigin], leftOut: [String]
  ) throws(CheckpointError) {
    let names = Set(used.values.map(\.name))
    for name in origins.shards.locations.keys.sorted() where !names.contains(name) {
      if isHarmless(name) || leftOut.contains(where: name.hasPrefix) { continue }
      throw refusal(of: name, origins)
    }
  }

  private static func refusal(of name: String, _ origins: Origins) -> CheckpointError {
    .refused(
      origins.weights,
      FormatError(
        .unsupported, "belongs to no part of the model that this program knows", tensor: name))
  }

  // MARK: CLIP

  /// What the names of a tower's tensors begin with, in every scheme, behind any prefix.
  private static let beginnings: [(Tower?, [String])] = [
    (.image, ["vision_model.", "visual_projection", "visual.", "pre_layrnorm", "post_layernorm"]),
    (
      .text,
      [
        "text_model.", "text_projection", "text.", "transformer.", "token_embedding.",
        "positional_embedding", "ln_final.", "final_layer_norm.",
      ]
    ),
    (nil, ["logit_", "encoder.layers.", "embeddings."]),
  ]

  /// What of a CLIP's file is not taken, a clause each.
  ///
  /// What lies beside both towers is nothing to a model that loads by name, unless it is another
  /// copy of a tensor with other values.
  ///
  /// - Parameter names: of the tensors that are taken.
  /// - Throws: for a tensor of a tower that is taken, and for such a copy.
  static func notes(
    on origins: Origins, _ naming: CLIPNaming, _ graph: NetworkGraph, _ names: Set<String>
  ) throws(CheckpointError) -> [String] {
    var others: [Tower: Int] = [:]
    var beside: [String] = []
    for name in origins.shards.locations.keys.sorted() where !names.contains(name) {
      if isHarmless(name) { continue }
      let bare = naming.withoutPrefix(name)
      guard
        let part = bare.flatMap({ bare in
          beginnings.first { $0.1.contains(where: bare.hasPrefix) }
        })
      else {
        try refuseCopy(name, of: names, origins)
        beside.append(name)
        continue
      }
      if let tower = part.0, graph[tower] == nil {
        others[tower, default: 0] += 1
      } else if part.0 != nil || graph.network.scores != nil {
        throw refusal(of: name, origins)
      }
    }
    var notes = Tower.allCases.compactMap { tower in
      others[tower].map {
        "\($0) tensors of the \(tower.rawValue) tower, which no file describes, are not taken"
      }
    }
    if let first = beside.first {
      notes.append(
        (beside.count == 1 ? "1 tensor lies" : "\(beside.count) tensors lie")
          + " beside the model and \(beside.count == 1 ? "is" : "are") no part of it: "
          + JSON.quoted(first) + (beside.count > 1 ? ", …" : ""))
    }
    return notes
  }

  private static func refuseCopy(
    _ name: String, of names: Set<String>, _ origins: Origins
  ) throws(CheckpointError) {
    var rest = name[...]
    while let dot = rest.firstIndex(of: ".") {
      rest = rest[rest.index(after: dot)...]
      guard names.contains(String(rest)),
        !Copies.holdSame(name, String(rest), origins.shards)
      else { continue }
      throw .refused(
        origins.weights,
        FormatError(
          .inconsistent,
          "is \(JSON.quoted(String(rest))) again, with other values; save the one to use alone",
          tensor: name))
    }
  }
}
