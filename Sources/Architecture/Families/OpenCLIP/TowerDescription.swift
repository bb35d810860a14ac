internal import Bytes

/// One tower of open_clip's models, which combine any image tower with any text tower: what
/// `vision_cfg` or `text_cfg` says of it, and the network that follows.
///
/// A kind of tower is one file or folder beside this one, and one line in `TowerKinds`.
/// `OpenTextTransformer` shows all of it: it reads its keys and refuses those that it does not
/// know, writes the tower's steps, and says which tensors of the checkpoint are stacked or
/// transposed. Everything else, from the names' prefix to the scores, is `OpenCLIPConfiguration`'s.
///
/// The network's tensors are named as in the checkpoint, without what stands before the tower's
/// names (`visual.`, `text.`); parts of a stacked matrix have names of their own.
protocol TowerDescription: Sendable {
  /// Reads a tower.
  ///
  /// Called for a checkpoint, whose tensors' shapes may say what the configuration leaves open, and
  /// for the `configuration` of a pack, where `source.weights` is `nil` and `json` and `details`
  /// have said everything.
  ///
  /// - Returns: `nil` where the configuration describes a tower of another kind.
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  static func read(_ source: TowerSource) throws(FormatError) -> Self?

  /// What the tower computes, from `pixels` or `ids` to one row.
  var network: TowerNetwork { get }

  /// Where those tensors stand that the checkpoint has not under the network's names or not in its
  /// shapes, by these names.
  var locations: [String: TensorLocation] { get }

  /// Numbers of the network that no checkpoint has, such as the cosines of rotary positions, by the
  /// network's names and in row-major order.
  var constants: [String: [Float]] { get }

  /// `vision_cfg` or `text_cfg` in open_clip's words, with every value explicit.
  var json: JSON.Object { get }

  /// What open_clip knows from elsewhere, such as a timm model's number of heads; empty where its
  /// words say all. Stands in the member `towers` beside `model_cfg`, where `read` finds it again.
  var details: JSON.Object { get }

  /// Whether the tower is what it is because `quick_gelu` is set beside its own part.
  var followsQuickGELU: Bool { get }
}

extension TowerDescription {
  var locations: [String: TensorLocation] { [:] }
  var constants: [String: [Float]] { [:] }
  var details: JSON.Object { [:] }
  var followsQuickGELU: Bool { false }
}

/// What describes one tower.
struct TowerSource {
  /// `model_cfg`
  var model: Fields
  /// `vision_cfg` or `text_cfg`, and the key itself.
  var fields: Fields
  /// The tower's member of `towers`; empty where there is none.
  var details: Fields
  /// Of the checkpoint; `nil` where a pack is read.
  var weights: TowerWeights?

  /// The width of the shared space.
  func projectionWidth() throws(FormatError) -> Int {
    try model.whole("embed_dim", Limits.projection, default: nil)
  }

  /// What open_clip's own transformers have between their matrices; those of timm and transformers
  /// do not look at the switch.
  ///
  /// Source: `model.py` of open_clip 3.3, `_build_vision_tower`.
  func activation() throws(FormatError) -> Activation {
    if try model.flag("quick_gelu", default: false) { return .quickGELU }
    let settings = try fields.object("act_kwargs")
    try settings.refuseOthers(than: ["approximate"])
    switch settings["approximate"] {
    case nil, "none"?: return .gelu
    case "tanh"?: return .tanhGELU
    case let found?:
      throw settings.error("approximate", found, "\"none\" or \"tanh\" is allowed")
    }
  }

  /// What is added to variances in LayerNorm.
  func epsilon() throws(FormatError) -> Float {
    let settings = try fields.object("norm_kwargs")
    try settings.refuseOthers(than: ["eps"])
    return Float(try settings.number("eps", Limits.epsilon, default: 1e-5))
  }
}

/// The kinds of towers that can be built.
enum TowerKinds {
  static let image: [any TowerDescription.Type] = [
    ModifiedResNet.self, OpenVisionTransformer.self, TimmTransformer.self, TimmConvNeXt.self,
    TimmFastViT.self, TimmViTamin.self,
  ]
  static let text: [any TowerDescription.Type] = [HFTextTower.self, OpenTextTransformer.self]

  /// Reads a tower by the first kind that it is of.
  static func read(
    _ source: TowerSource, _ tower: Tower
  ) throws(FormatError) -> any TowerDescription {
    for kind in tower == .image ? image : text {
      if let found = try kind.read(source) { return found }
    }
    let key = tower == .image ? "timm_model_name" : "hf_model_name"
    throw source.fields.unsupported(key, "no tower of this kind")
  }
}
