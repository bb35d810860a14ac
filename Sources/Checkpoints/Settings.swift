internal import Architecture
internal import Bytes
internal import SystemPackage
internal import Tensors

/// The files beside the weights that say what they mean.
struct Settings {
  let folder: FilePath
  /// What the files of sentence-transformers say, where the folder is one of that library.
  var modules: SentenceTransformer?
  /// The activation that was given because no file says it.
  var activation: CLIPConfiguration.Activation?

  /// A value and the file that it was read from.
  struct Found<Value> {
    var value: Value
    var path: FilePath
  }

  private static let transformersName = "config.json"
  private static let openCLIPName = "open_clip_config.json"

  /// The configuration; `nil` where no file says it.
  ///
  /// Of two files the one in the manner of the weights wins.
  func configuration(for scheme: CLIPNaming.Scheme) throws(CheckpointError) -> Found<
    CLIPConfiguration
  >? {
    let transformers = try transformersJSON()
    let openCLIP = try openCLIPJSON()
    if let openCLIP, scheme == .openCLIP || transformers == nil {
      return try parse(openCLIP) { json throws(FormatError) in try CLIPConfiguration(openCLIP: json)
      }
    }
    guard let transformers else { return nil }
    return try parse(transformers) { json throws(FormatError) in
      try CLIPConfiguration(transformers: json)
    }
  }

  /// Refuses what `config.json` says to be another model, in its own words.
  func checkModelType() throws(CheckpointError) {
    guard let json = try transformersJSON() else { return }
    _ = try parse(json) { json throws(FormatError) in try CLIPConfiguration(transformers: json) }
  }

  /// The preprocessing; `nil` where no file says it.
  func preprocessing(
    for scheme: CLIPNaming.Scheme, imageSize: Int
  ) throws(CheckpointError) -> Found<Preprocessing>? {
    let openCLIP = try openCLIPJSON().flatMap { $0.value["preprocess_cfg"] == nil ? nil : $0 }
    let transformers = try transformersPreprocessing()
    let found: Found<Preprocessing>?
    if let openCLIP, scheme == .openCLIP || transformers == nil {
      found = try parse(openCLIP) { json throws(FormatError) in
        try Preprocessing(openCLIP: json, imageSize: imageSize)
      }
    } else if let transformers {
      found = try parse(transformers) { json throws(FormatError) in
        try Preprocessing(transformers: json)
      }
    } else {
      found = nil
    }
    if let found { try check(found, imageSize) }
    return found
  }

  private func transformersPreprocessing() throws(CheckpointError) -> Found<JSON>? {
    // transformers 5 writes the image processor into the processor's file, and reads it first.
    if let json = try json("processor_config.json"), json.value["image_processor"] != nil {
      return json
    }
    return try json("preprocessor_config.json")
  }

  /// The image tower takes pictures of one size only.
  private func check(
    _ found: Found<Preprocessing>, _ imageSize: Int
  ) throws(CheckpointError) {
    let edge = Preprocessing.Size(height: imageSize, width: imageSize)
    let result: Preprocessing.Size?
    switch (found.value.crop, found.value.resize) {
    case (let crop?, _): result = crop
    case (nil, .exact(let size)): result = size
    default: result = nil
    }
    guard result != edge else { return }
    let size = result.map { "\($0.height)×\($0.width)" } ?? "of no certain size"
    throw .refused(
      found.path,
      FormatError(
        .inconsistent,
        "pictures become \(size), the configuration's image_size is \(imageSize)"))
  }

  /// Refuses an activation that was given beside a file that says one.
  func checkActivation() throws(CheckpointError) {
    guard let activation else { return }
    var said = try openCLIPJSON()
    if said == nil { said = try transformersJSON() }
    guard let found = said else { return }
    throw .refused(
      found.path,
      FormatError(
        .inconsistent,
        "says what the activation is, so \(activation.rawValue) cannot be given; leave it out, or "
          + "change the file"))
  }

  /// What families recognise themselves in.
  func modelFiles(_ shards: Shards) throws(CheckpointError) -> ModelFiles {
    var shapes: [String: Shape] = [:]
    for (name, file) in shards.locations {
      shapes[name] = shards.files[file].tensors.entry(named: name)?.shape
    }
    var files = ModelFiles(
      shapes: shapes, transformers: try transformersJSON()?.value,
      openCLIP: try openCLIPJSON()?.value, padding: try padding())
    files.sentenceTransformers = modules?.files
    files.activation = activation
    return files
  }

  /// The id of the token that `tokenizer_config.json` pads with; `nil` where it does not say.
  private func padding() throws(CheckpointError) -> Int? {
    guard let json = try json("tokenizer_config.json")?.value,
      let token = json["pad_token"]?.string ?? json["pad_token"]?["content"]?.string,
      let added = json["added_tokens_decoder"]?.object
    else { return nil }
    return added.keys.first { added[$0]?["content"]?.string == token }.flatMap { Int($0) }
  }

  private func transformersJSON() throws(CheckpointError) -> Found<JSON>? {
    try json(Self.transformersName)
  }

  private func openCLIPJSON() throws(CheckpointError) -> Found<JSON>? {
    guard var found = try json(Self.openCLIPName) else { return nil }
    // open_clip takes the model's part alone, too.
    if found.value["model_cfg"] == nil, found.value["vision_cfg"] != nil {
      found.value = ["model_cfg": found.value]
    }
    return found
  }

  private func json(_ name: String) throws(CheckpointError) -> Found<JSON>? {
    let path = folder.appending(name)
    guard FileKind(of: path) != nil else { return nil }
    return Found(value: try JSON(contentsOf: path), path: path)
  }

  private func parse<Value>(
    _ json: Found<JSON>, _ body: (JSON) throws(FormatError) -> Value
  ) throws(CheckpointError) -> Found<Value> {
    do throws(FormatError) { return Found(value: try body(json.value), path: json.path) } catch {
      throw .refused(json.path, error)
    }
  }
}
