internal import Architecture
internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import Kernels
public import PackFormat
public import SystemPackage
internal import Tensors
internal import Tokenizers

/// Writes a checkpoint of a pack: from a lossless pack of both towers the very source files, else
/// weights under the names that the model's own library has; and the files beside them.
public enum Unpacking {
  /// What was written.
  public struct Summary: Sendable {
    public var files: [(name: FilePath, size: Int)] = []
    /// Whether the weight files are the source's, byte for byte, by their SHA-256.
    public var isSource = false
    /// Whether the tensors are the source's, value by value, in another container: those of PyTorch
    /// come back as safetensors.
    public var isConverted = false
  }

  /// - Parameter overwrites: whether files that are there already are replaced.
  /// - Throws: what is wrong with the pack, or with writing; the folder is gone then if it was not
  ///   there before and nothing is in it.
  public static func run(
    _ pack: Pack, into folder: FilePath, overwriting overwrites: Bool = false
  ) throws -> Summary {
    let created = try Folder.create(folder)
    do {
      return try write(pack, folder, overwriting: overwrites)
    } catch {
      Folder.removeEmpty(created)
      throw error
    }
  }

  private static func write(
    _ pack: Pack, _ folder: FilePath, overwriting overwrites: Bool
  ) throws -> Summary {
    var summary = Summary()
    let model = try Model(pack, keepingMatrices: false)
    let sources = try SourceFile.all(of: pack)
    let index = sources == nil ? nil : try SourceFile.index(of: pack)
    let configuration = try pack.json(.configuration)
    let family = try configuration.flatMap { try Families.read($0) }
    let isComposed = sources != nil && family is ComposedConfiguration
    var texts: [(String, String)] = []
    if isComposed, let composed = family as? ComposedConfiguration {
      texts += self.configuration(composed.base, model.preprocessing)
      texts += below(self.configuration(composed.text, nil))
    } else if let family {
      texts += self.configuration(family, model.preprocessing)
    } else if let configuration {
      texts.append(("config.json", configuration.indented + "\n"))
    }
    if let preprocessing = model.preprocessing {
      texts.append(("preprocessor_config.json", preprocessing.json.indented + "\n"))
    }
    if let tokenizer = try model.tokenizer {
      texts += isComposed ? below(tokenizer.files) : tokenizer.files
    }
    let decoded = sources == nil ? try CheckpointFile.all(of: pack) : []
    let weights = sources.map { $0.map(\.name) } ?? decoded.map { FilePath($0.name) }
    let names = weights + (index.map { [$0.name] } ?? []) + texts.map { FilePath($0.0) }
    try check(names, folder, overwriting: overwrites)
    if let sources {
      for file in sources {
        try file.write(pack, into: folder)
        summary.files.append((file.name, file.size))
      }
      if let (name, bytes) = index { try write(bytes.bytes, name, folder, &summary) }
      summary.isConverted = sources.contains(where: \.isConverted)
      summary.isSource = !summary.isConverted
    } else {
      for file in decoded {
        let name = FilePath(file.name)
        let path = folder.appending(name.components)
        try Folder.create(path.removingLastComponent())
        summary.files.append((name, try file.write(pack, to: path)))
      }
    }
    for (name, text) in texts {
      let utf8 = Array(text.utf8)
      try Folder.create(folder.appending(FilePath(name).components).removingLastComponent())
      try unsafe write(utf8.span.bytes, FilePath(name), folder, &summary)
    }
    return summary
  }

  /// The files that say what a model is, in its library's words.
  private static func configuration(
    _ family: any Family, _ preprocessing: Preprocessing?
  ) -> [(String, String)] {
    let json = family.json
    if family is TextEncoderConfiguration, let files = json["files"]?.object {
      return files.keys.map { ($0, (files[$0] ?? .null).indented + "\n") }
    }
    guard json["model_cfg"] != nil, var object = json.object else {
      return [("config.json", json.indented + "\n")]
    }
    // open_clip's own words lie in a file of another name, those of pictures too: it prepares them
    // as OpenAI's models need it where that does not say otherwise.
    object["preprocess_cfg"] = preprocessing?.openCLIP
    return [("open_clip_config.json", JSON.object(object).indented + "\n")]
  }

  /// In the folder of a text tower that was another's.
  private static func below(_ files: [(String, String)]) -> [(String, String)] {
    files.map { ("\(TextTowerSource.folder)/\($0.0)", $0.1) }
  }

  /// - Throws: `Refusal` for a name that two files would have, and for files that are there
  ///   already.
  private static func check(
    _ names: [FilePath], _ folder: FilePath, overwriting overwrites: Bool
  ) throws(Refusal) {
    var seen: Set<FilePath> = []
    for name in names where !seen.insert(name).inserted {
      throw Refusal("the pack names two files \"\(name)\"")
    }
    let paths = names.map { folder.appending($0.components) }
    let there = overwrites ? [] : paths.filter { FileKind(of: $0) != nil }
    if let first = there.first {
      let more = there.count > 1 ? ", and so are \(there.count - 1) more that would be written" : ""
      throw Refusal("'\(first)' is there already\(more)", .exists, about: first)
    }
  }

  private static func write(
    _ bytes: RawSpan, _ name: FilePath, _ folder: FilePath, _ summary: inout Summary
  ) throws(FileError) {
    var file = try AtomicFile(replacing: folder.appending(name.components))
    try file.append(bytes)
    try file.commit()
    summary.files.append((name, bytes.byteCount))
  }
}
