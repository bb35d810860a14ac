public import Bytes

/// How a checkpoint spells the canonical names of CLIP's tensors.
public struct CLIPNaming: Sendable {
  public let scheme: Scheme
  /// Before every name: empty, or for example `module.`.
  let prefix: String
  /// Before the names of the text tower in open_clip's scheme: `prefix`, or `prefix` and `text.`.
  let textPrefix: String
  /// What is left out of transformers' names, as some releases do for a tower by itself:
  /// `vision_model.` or `text_model.`.
  var omitted = ""

  public enum Scheme: Sendable {
    /// CLIPModel and the two models with projection.
    case transformers
    /// open_clip, and OpenAI's original code from which it has its names.
    case openCLIP
  }

  /// Recognises the scheme from all names of a checkpoint.
  ///
  /// - Throws: `unsupported` for towers of another kind, named by a tensor that shows it.
  public init(recognising names: [String]) throws(FormatError) {
    func prefix(before ending: String) -> String? {
      names.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }
        .filter { $0.isEmpty || $0.hasSuffix(".") }
        .min { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
    }
    try Self.refuseOthers(names)
    if let prefix = prefix(before: Names.patchEmbedding) ?? prefix(before: Names.tokenTable) {
      self.init(scheme: .transformers, prefix: prefix, textPrefix: prefix)
    } else if let prefix = prefix(before: "visual.conv1.weight") {
      let isNested = names.contains(prefix + "text.token_embedding.weight")
      self.init(
        scheme: .openCLIP, prefix: prefix, textPrefix: isNested ? prefix + "text." : prefix)
    } else if let prefix = prefix(before: Self.flat(Names.patchEmbedding)) {
      self.init(scheme: .transformers, prefix: prefix, textPrefix: prefix)
      omitted = "vision_model."
    } else if let prefix = prefix(before: Self.flat(Names.tokenTable)) {
      self.init(scheme: .transformers, prefix: prefix, textPrefix: prefix)
      omitted = "text_model."
    } else if let prefix = prefix(before: "transformer.resblocks.0.ln_1.weight"),
      names.contains(prefix + "token_embedding.weight")
    {
      // open_clip's text tower by itself, as in SDXL's files.
      self.init(scheme: .openCLIP, prefix: prefix, textPrefix: prefix)
    } else {
      let first =
        names.min().map { "the first tensor is \(JSON.quoted($0))" } ?? "no tensor is here"
      throw FormatError(
        .unsupported,
        "\(first), the names of transformers' CLIPModel or CLIP…ModelWithProjection "
          + "(\(JSON.quoted(Names.patchEmbedding))) or of open_clip (\"visual.conv1.weight\") "
          + "are supported")
    }
  }

  /// A canonical name without the model that it begins with.
  private static func flat(_ canonical: String) -> String {
    String(canonical.drop { $0 != "." }.dropFirst())
  }

  /// What transformers' files call a canonical name.
  private func stored(_ canonical: String) -> String {
    let name = canonical.hasPrefix(omitted) ? canonical.dropFirst(omitted.count) : canonical[...]
    return prefix + name
  }

  /// A stored name without what stands before all of the model's; `nil` for one without that.
  public func withoutPrefix(_ name: String) -> String? {
    name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
  }

  init(scheme: Scheme, prefix: String, textPrefix: String) {
    self.scheme = scheme
    self.prefix = prefix
    self.textPrefix = textPrefix
  }

  /// What names of other models begin with, after any prefix.
  private static let others = [
    ("text_model.encoder.layer.", "a text tower of another architecture")
  ]

  private static func refuseOthers(_ names: [String]) throws(FormatError) {
    for (mark, kind) in others {
      guard
        let name = names.first(where: { $0.hasPrefix(mark) || $0.contains("." + mark) })
      else { continue }
      throw FormatError(
        .unsupported, "belongs to \(kind), CLIP's own transformers are supported", tensor: name)
    }
  }

  /// How many residual blocks of a tower are there, counted from the first.
  public func layers(of tower: Tower, in names: (String) -> Bool) -> Int {
    var count = 0
    while names(locations(of: tower, layer: count)[0].1.name) { count += 1 }
    return count
  }

  /// Where each tensor of a model is, by canonical name.
  public func locations(imageLayers: Int, textLayers: Int) -> [String: TensorLocation] {
    var all = scheme == .transformers ? transformersFrame : openCLIPFrame
    for layer in 0..<imageLayers { all += locations(of: .image, layer: layer) }
    for layer in 0..<textLayers { all += locations(of: .text, layer: layer) }
    return Dictionary(uniqueKeysWithValues: all)
  }
}

/// A canonical name, and where its tensor is.
private typealias Pair = (String, TensorLocation)

extension CLIPNaming {
  /// All but the residual blocks.
  private var transformersFrame: [Pair] {
    [
      Names.logitScale, Names.tokenTable, Names.textPositions, Names.weight(Names.textFinalNorm),
      Names.bias(Names.textFinalNorm), Names.textProjection, Names.classEmbedding,
      Names.patchEmbedding, Names.imagePositions, Names.weight(Names.imagePreNorm),
      Names.bias(Names.imagePreNorm), Names.weight(Names.imagePostNorm),
      Names.bias(Names.imagePostNorm), Names.imageProjection,
    ].map { ($0, TensorLocation(stored($0))) }
  }

  private var openCLIPFrame: [Pair] {
    let visual = prefix + "visual."
    return [
      (Names.logitScale, TensorLocation(prefix + "logit_scale")),
      (Names.tokenTable, TensorLocation(textPrefix + "token_embedding.weight")),
      (Names.textPositions, TensorLocation(textPrefix + "positional_embedding")),
      (Names.textProjection, TensorLocation(textPrefix + "text_projection", isTransposed: true)),
      (Names.classEmbedding, TensorLocation(visual + "class_embedding")),
      (Names.patchEmbedding, TensorLocation(visual + "conv1.weight")),
      (Names.imagePositions, TensorLocation(visual + "positional_embedding")),
      (Names.imageProjection, TensorLocation(visual + "proj", isTransposed: true)),
    ] + module(Names.textFinalNorm, textPrefix + "ln_final")
      + module(Names.imagePreNorm, visual + "ln_pre")
      + module(Names.imagePostNorm, visual + "ln_post")
  }

  fileprivate func locations(of tower: Tower, layer: Int) -> [Pair] {
    let block = Names.Block(tower, layer)
    guard scheme == .openCLIP else {
      return [
        block.norm1, block.query, block.key, block.value, block.output, block.norm2, block.expand,
        block.contract,
      ].flatMap { module($0, stored($0)) }
    }
    let start = tower == .image ? prefix + "visual." : textPrefix
    let source = start + "transformer.resblocks.\(layer)."
    let stacked = [block.query, block.key, block.value].enumerated().flatMap { third, module in
      [
        (
          Names.weight(module),
          TensorLocation(source + "attn.in_proj_weight", part: .init(third, of: 3))
        ),
        (
          Names.bias(module),
          TensorLocation(source + "attn.in_proj_bias", part: .init(third, of: 3))
        ),
      ]
    }
    return module(block.norm1, source + "ln_1") + stacked
      + module(block.output, source + "attn.out_proj") + module(block.norm2, source + "ln_2")
      + module(block.expand, source + "mlp.c_fc") + module(block.contract, source + "mlp.c_proj")
  }

  private func module(_ canonical: String, _ source: String) -> [Pair] {
    [
      (Names.weight(canonical), TensorLocation(Names.weight(source))),
      (Names.bias(canonical), TensorLocation(Names.bias(source))),
    ]
  }
}
