internal import Architecture
internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import PackFormat
internal import Quantisation
internal import SystemPackage
internal import Tensors
internal import Tokenizers

/// All of a model but its weights: what a runtime has to do just as the original did.
struct ModelSpec: Sendable {
  let family: any Family
  let graph: NetworkGraph
  /// `nil` without an image tower.
  var preprocessing: Preprocessing?
  /// `nil` without a text tower, and where there are no tokenizer files.
  var tokenizer: Tokenizer?
  /// What had to be left out, a sentence each.
  var notes: [String] = []

  init(_ checkpoint: Checkpoint, _ recipe: Recipe, _ tokenizerFolder: FilePath?) throws {
    family = try checkpoint.family.taking(recipe.towers)
    graph = try family.graph()
    try Self.checkScale(checkpoint, graph)
    if graph.image != nil { preprocessing = checkpoint.preprocessing }
    guard graph.text != nil else { return }
    let folder = tokenizerFolder ?? checkpoint.tokenizerFolder
    guard tokenizerFolder != nil || Tokenizer.isIn(folder) else {
      notes.append(
        "there are no tokenizer files beside the weights (tokenizer.json, vocab.json and "
          + "merges.txt, spiece.model or vocab.txt), so the pack takes token ids only unless their "
          + "folder is given")
      return
    }
    let tokenizer = try Tokenizer(folder: folder)
    try check(tokenizer, in: folder)
    self.tokenizer = tokenizer
    notes += tokenizer.notes
  }

  /// Refuses a temperature that float32 cannot hold: every score would be infinite or no number.
  private static func checkScale(
    _ checkpoint: Checkpoint, _ graph: NetworkGraph
  ) throws(Refusal) {
    for parameter in graph.network.scores?.parameters ?? [] {
      let value = checkpoint.tensor(parameter.name).floats.first ?? .nan
      let isScale = parameter.name == graph.network.scores?.scale
      // exp(88.72284) is the greatest that float32 holds.
      guard value.isFinite, !isScale || value <= 88.72283 else {
        throw Refusal(
          "tensor \"\(parameter.name)\" is \(value), "
            + (isScale ? "a number up to 88.72, whose exponential float32 holds," : "a number")
            + " is needed")
      }
    }
  }

  /// How many elements the model's tensors have.
  var parameterCount: Int { graph.parameterCount }

  private func check(_ tokenizer: Tokenizer, in folder: FilePath) throws(Refusal) {
    guard let text = graph.text, let misfit = tokenizer.misfit(with: text) else { return }
    throw Refusal("'\(folder)': \(misfit); it belongs to another model", about: folder)
  }

  /// The sections of a pack that say so; `nil` for one that the model does not have.
  var sections: [(name: SectionName, json: JSON?)] {
    [
      (.network, graph.network.json), (.configuration, family.json),
      (.preprocessing, preprocessing?.json), (.tokenizer, tokenizer?.json),
    ]
  }

  func write(to writer: inout PackWriter) throws {
    for case (let name, let json?) in sections { try writer.add(name, json) }
    if let tables = tokenizer?.tables {
      try writer.add(
        section: SectionName.tokenizerTables.rawValue, Buffer(tables), isRequired: true)
    }
  }
}
