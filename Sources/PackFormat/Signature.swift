public import Bytes

/// An Ed25519 signature of a pack: a section among its attachments, which no digest covers.
///
/// Specification: `Formats/clippack.md`, section 7.5.
public struct Signature: Equatable, Sendable {
  static let size = 64
  private static let prefix = "signature/ed25519/"
  /// As many as one pack may carry: each is checked, and 60,000 would take seconds.
  static let most = 1000

  /// Whether a section of that name is for signatures of this kind.
  static func isPlace(_ name: String) -> Bool { name.hasPrefix(prefix) }

  public let key: PublicKey
  public let bytes: [UInt8]

  /// The name of the section, which says whose signature it is.
  var sectionName: String { Self.prefix + key.description }

  /// Whether it is the one in the section of that name.
  public func isNamed(_ name: String) -> Bool { name == sectionName }

  init(key: PublicKey, bytes: [UInt8]) {
    self.key = key
    self.bytes = bytes
  }

  /// `nil` for a name that is not of a signature of this kind.
  init?(sectionName: String, _ bytes: [UInt8]) {
    let digits = Array(sectionName.utf8.dropFirst(Self.prefix.utf8.count))
    guard sectionName.hasPrefix(Self.prefix), digits.count == 64 else { return nil }
    var key: [UInt8] = []
    for index in stride(from: 0, to: 64, by: 2) {
      // Lower case alone, so that a key has one name.
      let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
      guard pair == pair.lowercased(), !pair.contains("+"), let byte = UInt8(pair, radix: 16) else {
        return nil
      }
      key.append(byte)
    }
    self.init(key: PublicKey(key), bytes: bytes)
  }
}

extension Pack {
  /// What a signature signs: three lines of ASCII. The first keeps it from being mistaken for
  /// anything else that the same key has signed.
  public var signedMessage: [UInt8] {
    Array("clip-pack signature 1\ncontent \(contentDigest)\nevidence \(evidenceDigest)\n".utf8)
  }

  /// The signatures that the pack carries, whether they are good or not, in the order of the file.
  public func signatures() throws(FormatError) -> [Signature] {
    var found: [Signature] = []
    for item in index.attachments.items {
      guard case .section(let section) = item, section.stream.size == Signature.size,
        let bytes = try self.section(section.name),
        let signature = Signature(sectionName: section.name, bytes.bytes.array)
      else { continue }
      found.append(signature)
    }
    return found
  }

  /// The keys whose signature is good, in the order of the file: those that signed this content and
  /// this evidence. The other signatures say nothing.
  public func signers() throws(FormatError) -> [PublicKey] {
    try signatures().filter { $0.key.isSigner(of: signedMessage, $0) }.map(\.key)
  }

  /// What is wrong with the signature of that key, as a clause; `nil` where it is good.
  ///
  /// Opening has checked the manifests against the digests that are signed, so that a good
  /// signature covers the digest of every block; `validate` compares the blocks with these.
  public func objection(to key: PublicKey) throws(FormatError) -> String? {
    let all = try signatures()
    guard let signature = all.first(where: { $0.key == key }) else {
      return all.isEmpty
        ? "the pack is not signed"
        : "the pack is not signed with the key \(key), but with "
          + all.map(\.key.description).joined(separator: ", ")
    }
    return key.isSigner(of: signedMessage, signature)
      ? nil : "the signature of the key \(key) is not of this pack"
  }
}

extension PackWriter {
  public mutating func add(_ signature: Signature) throws(FileError) {
    try add(section: signature.sectionName, Buffer(signature.bytes))
  }
}
