internal import Bytes
public import PackFormat
public import SystemPackage

/// Keys on disk, and packs signed with them.
public enum Signing {
  /// Writes a new key: the private half for its owner's eyes alone, the public half beside it.
  ///
  /// - Returns: the path of the public half, the private one's with `.pub` after it.
  /// - Throws: `Refusal` where one of the two files is there already: a key that is lost cannot be
  ///   made again.
  public static func makeKey(_ path: FilePath) throws -> (key: SigningKey, publicPath: FilePath) {
    let publicPath = FilePath(path.string + ".pub")
    for path in [path, publicPath] where FileKind(of: path) != nil {
      throw Refusal(
        "'\(path)' is there already, and keys are not replaced; give another name",
        about: path)
    }
    let key = SigningKey()
    try write(Array(key.publicKey.pem.utf8), publicPath)
    try write(Array(key.pem.utf8), path, [.ownerReadWrite])
    return (key, publicPath)
  }

  private static func write(
    _ bytes: [UInt8], _ path: FilePath,
    _ permissions: FilePermissions = [.ownerReadWrite, .groupRead, .otherRead]
  ) throws(FileError) {
    var file = try AtomicFile(replacing: path, permissions: permissions)
    try unsafe file.append(bytes.span.bytes)
    try file.commit()
  }

  /// Reads a private key.
  ///
  /// - Throws: `Refusal` for a public key, and for a file that others than its owner can read.
  public static func key(_ path: FilePath) throws -> SigningKey {
    let text = try self.text(path)
    if (try? PublicKey(pem: text)) != nil {
      throw Refusal("'\(path)' is a public key; the private one of the pair signs", about: path)
    }
    if let mode = FileKind.permissions(of: path),
      !mode.isDisjoint(with: [.groupReadWrite, .otherReadWrite])
    {
      throw Refusal(
        "'\(path)' can be read by others than its owner; chmod 600 '\(path)'", about: path)
    }
    do throws(FormatError) { return try SigningKey(pem: text) } catch {
      throw Refusal("'\(path)': \(error)", about: path)
    }
  }

  public static func publicKey(_ path: FilePath) throws -> PublicKey {
    let text = try self.text(path)
    do throws(FormatError) { return try PublicKey(pem: text) } catch {
      throw Refusal("'\(path)': \(error)", about: path)
    }
  }

  private static func text(_ path: FilePath) throws(FileError) -> String {
    let file = try MappedFile(path)
    return String(
      decoding: file.bytes.extracting(0..<min(file.count, 1 << 16)).array, as: UTF8.self)
  }

  /// Writes the pack with a signature; its older one by the same key goes.
  ///
  /// Every block is checked first, so that nobody signs what is damaged. Content and evidence stay
  /// as they lie, byte for byte.
  ///
  /// - Parameter destination: may be the pack itself.
  @discardableResult
  public static func sign(
    _ pack: Pack, with key: SigningKey, to destination: FilePath
  ) throws -> Preamble {
    try pack.validate()
    let signature = key.sign(pack.signedMessage)
    var writer = try PackWriter.copying(pack, to: destination)
    let older = try pack.signatures().first { $0.key == key.publicKey }
    try Repacking.copy(pack.index.attachments, of: pack, to: &writer) { name in
      older?.isNamed(name) ?? false
    }
    try writer.add(signature)
    return try writer.finish(expecting: (pack.contentDigest, pack.evidenceDigest))
  }

  /// Writes what was signed to `prefix.msg` and the signatures to `prefix.sig`, `prefix.2.sig`…,
  /// as openssl takes them.
  public static func extract(_ pack: Pack, to prefix: String) throws {
    let signatures = try pack.signatures()
    guard !signatures.isEmpty else {
      throw Refusal("'\(pack.path)' is not signed", about: pack.path)
    }
    try write(pack.signedMessage, FilePath(prefix + ".msg"))
    for (number, signature) in signatures.enumerated() {
      try write(
        signature.bytes, FilePath(prefix + (number == 0 ? ".sig" : ".\(number + 1).sig")))
    }
  }
}
