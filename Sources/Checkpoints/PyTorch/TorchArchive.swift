internal import Bytes

/// A zip archive of PyTorch 1.6 or later, or of TorchScript.
struct TorchArchive: TorchStorages {
  let tree: PickleTree
  /// Whether `torch.jit.save` wrote it.
  let isScript: Bool
  private let archive: ZipArchive
  /// What all names begin with: `archive/`.
  private let folder: String
  private let file: Buffer

  init(parsing file: Buffer) throws(FormatError) {
    self.file = file
    archive = try ZipArchive(parsing: file.bytes)
    folder = try Self.folder(of: archive)
    isScript = archive[folder + "constants.pkl"] != nil
    try Self.check(archive, folder, "byteorder", file.bytes) { $0 == "little" }
    try Self.check(archive, folder, "version", file.bytes) { text in
      Int(text.prefix { !$0.isNewline }).map { 1...10 ~= $0 } ?? false
    }
    tree = try Self.tree(archive, folder, file)
  }

  /// All entries lie in one folder, which the first names.
  private static func folder(of archive: ZipArchive) throws(FormatError) -> String {
    guard let first = archive.entries.first else {
      throw FormatError(.unsupported, "the zip archive is empty", at: 0)
    }
    let folder = String(first.name.prefix { $0 != "/" }) + "/"
    guard archive.entries.contains(where: { $0.name.hasSuffix("/data.pkl") }) else {
      throw FormatError(.unsupported, guidance(archive), at: 0)
    }
    if let other = archive.entries.first(where: { !$0.name.hasPrefix(folder) }) {
      throw FormatError(
        .invalidField,
        "zip entries \(JSON.quoted(first.name)) and \(JSON.quoted(other.name)) lie in two folders, "
          + "torch writes one", at: other.headerOffset)
    }
    return folder
  }

  /// What another zip archive is.
  private static func guidance(_ archive: ZipArchive) -> String {
    func has(_ ending: String) -> Bool {
      archive.entries.contains { $0.name.hasSuffix(ending) }
    }
    if has(".npy") {
      return "is an archive of NumPy arrays (.npz), as big_vision and JAX write it; open_clip or "
        + "transformers convert it, and save_pretrained writes what is read here"
    }
    if has(".h5") || has(".keras") || has("saved_model.pb") {
      return "is a zip archive of TensorFlow or Keras; save the model as safetensors"
    }
    return "is a zip archive without a \"data.pkl\", so torch.save did not write it; unpack it, or "
      + "download it again"
  }

  private static func tree(
    _ archive: ZipArchive, _ folder: String, _ file: Buffer
  ) throws(FormatError) -> PickleTree {
    guard let entry = archive[folder + "data.pkl"] else {
      throw FormatError(
        .unsupported,
        "there is no \(JSON.quoted(folder + "data.pkl")) in the zip archive",
        at: 0)
    }
    let range = try entry.range(in: file.bytes)
    guard range.count <= PickleReader.maximumSize else {
      throw FormatError(
        .unsupported,
        "\(entry.name) is \(range.count) bytes, at most \(PickleReader.maximumSize) are allowed",
        at: range.lowerBound)
    }
    try entry.validate(range, in: file.bytes)
    let (tree, end) = try PickleReader.tree(of: file, range)
    guard end == range.upperBound else {
      throw FormatError(
        .inconsistent, "\(entry.name) has \(range.upperBound - end) bytes behind its pickle",
        at: end)
    }
    return tree
  }

  /// Checks an entry of a short text, where there is one.
  private static func check(
    _ archive: ZipArchive, _ folder: String, _ name: String, _ file: RawSpan,
    _ isAllowed: (String) -> Bool
  ) throws(FormatError) {
    guard let entry = archive[folder + name] else { return }
    let range = try entry.range(in: file)
    let text = String(
      validating: file.extracting(range.lowerBound..<min(range.upperBound, range.lowerBound + 64))
        .array, as: UTF8.self)
    guard let text, isAllowed(text) else {
      throw FormatError(
        .unsupported,
        "\(entry.name) is \(JSON.quoted(text ?? "no text")), "
          + (name == "version" ? "1 to 10 are read" : "\"little\" is read"), at: range.lowerBound)
    }
  }

  func range(of key: String, byteCount: Int) throws(FormatError) -> Range<Int> {
    let name = folder + "data/" + key
    guard let entry = archive[name] else {
      throw FormatError(
        .inconsistent, "has its elements in \(JSON.quoted(name)), which is not there")
    }
    let range = try entry.range(in: file.bytes)
    guard range.count == byteCount else {
      throw FormatError(
        .inconsistent,
        "has a storage of \(byteCount) bytes, \(JSON.quoted(name)) has \(range.count)",
        at: range.lowerBound)
    }
    return range
  }

  func checksum(of key: String) -> UInt32? {
    archive[folder + "data/" + key].flatMap { $0.checksum == 0 ? nil : $0.checksum }
  }
}
