internal import Bytes
internal import Checkpoints
public import ClipPack
internal import PackFormat
internal import PackTools
public import SystemPackage

/// Writes a pack as a complete folder of the Hugging Face hub: configuration, weights under
/// transformers' names, preprocessing, tokenizer, and a model card.
public struct HuggingFaceExport {
  public let model: Model

  public init(_ model: Model) { self.model = model }

  /// Writes everything.
  ///
  /// - Parameter overwrites: whether a folder may have files in it, which are replaced.
  /// - Throws: `Refusal` for a pack whose source had no configuration that transformers reads; what
  ///   is wrong with the pack or with writing.
  public func write(
    into path: FilePath, overwriting overwrites: Bool = false
  ) throws -> ExportSummary {
    var folder = try ExportFolder(path, overwriting: overwrites)
    let identity = try Identity(model.pack)
    let companions = CompanionFiles(model)
    var notes: [String] = []
    let texts = try companions.huggingFace(notes: &notes)
    let card = try ModelCard(model.pack, identity).text
    let conformance = try Conformance(model)
    let created = try Folder.create(path)
    do {
      for file in try CheckpointFile.all(of: model.pack) {
        try folder.note(file.name, file.write(model.pack, to: folder.place(file.name)))
      }
      for (name, text) in texts { try folder.write(text, name) }
      try folder.write(card, "README.md")
      try conformance.write(
        into: &folder, identity,
        page: """
          The weights are the pack's, decoded. A runtime that computes in float32 gives every
          element within 1e-5.
          """)
    } catch {
      Folder.removeEmpty(created)
      throw error
    }
    return ExportSummary(files: folder.files, notes: notes)
  }
}
