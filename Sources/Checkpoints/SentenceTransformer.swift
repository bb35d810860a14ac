internal import Bytes
internal import SystemPackage

/// A text model as sentence-transformers keeps it: `modules.json` and a folder for each module.
///
/// Source: `SentenceTransformer.py` of sentence-transformers 5.
struct SentenceTransformer {
  /// Where the encoder's weights and configuration lie.
  let transformer: FilePath
  /// Where the last matrix lies.
  let dense: FilePath?
  /// The files' content by the names that they have in a folder of today.
  let files: JSON

  static let denseFolder = "2_Dense"

  /// - Returns: `nil` for a folder of another library, and for one that holds a CLIP as a whole.
  init?(_ folder: FilePath) throws(CheckpointError) {
    let path = folder.appending("modules.json")
    guard FileKind(of: path) == .file else { return nil }
    let modules = try JSON(contentsOf: path).array ?? []
    var places: [String: FilePath] = [:]
    for module in modules {
      let type = module["type"]?.string ?? ""
      let kind = String(type.split(separator: ".").last ?? "")
      if kind == "CLIPModel" { return nil }
      guard ["Transformer", "Pooling", "Dense", "Normalize"].contains(kind),
        places[kind] == nil
      else {
        throw .refused(
          path,
          FormatError(
            .unsupported,
            "a module is \(JSON.string(type).excerpt), one each of Transformer, Pooling, Dense and "
              + "Normalize is supported"))
      }
      let place = FilePath(module["path"]?.string ?? "")
      guard !place.isAbsolute, place.components.allSatisfy({ $0.kind == .regular }) else {
        throw .refused(
          path,
          FormatError(
            .invalidField,
            "the path of a module is \(module["path"]?.excerpt ?? ""), a folder in this one is "
              + "needed"))
      }
      places[kind] = folder.appending(place.components)
    }
    guard let transformer = places["Transformer"], let pooling = places["Pooling"] else {
      throw .refused(
        path, FormatError(.unsupported, "has no Transformer and Pooling, which are needed"))
    }
    self.transformer = transformer
    dense = places["Dense"]
    var files: JSON.Object = [
      "config.json": try JSON(contentsOf: transformer.appending("config.json")),
      "1_Pooling/config.json": try JSON(contentsOf: pooling.appending("config.json")),
    ]
    let sentences = transformer.appending("sentence_bert_config.json")
    if FileKind(of: sentences) == .file {
      files["sentence_bert_config.json"] = try JSON(contentsOf: sentences)
    }
    if let dense {
      files["\(Self.denseFolder)/config.json"] = try JSON(
        contentsOf: dense.appending("config.json"))
    }
    self.files = .object(files)
  }
}
