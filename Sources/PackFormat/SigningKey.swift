public import Bytes
internal import Crypto

/// An Ed25519 key to sign packs with (RFC 8032).
///
/// On disk: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it.
public struct SigningKey: Sendable {
  private static let label = "PRIVATE KEY"
  /// RFC 8410, section 7: version 0, algorithm 1.3.101.112, an octet string in an octet string.
  private static let prefix: [UInt8] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]

  private let seed: [UInt8]

  /// A new one, of the system's randomness.
  public init() { seed = Array(Curve25519.Signing.PrivateKey().rawRepresentation) }

  public init(pem: String) throws(FormatError) {
    let der = try PEM.decode(pem, Self.label)
    guard der.starts(with: Self.prefix), der.count == Self.prefix.count + 32 else {
      throw FormatError(
        .unsupported,
        "the key is not plain Ed25519 (\(der.count) bytes, \(Self.prefix.count + 32) are needed); "
          + "make one with clip-pack keygen or openssl genpkey -algorithm ed25519")
    }
    seed = Array(der.dropFirst(Self.prefix.count))
  }

  public var pem: String { PEM.encode(Self.prefix + seed, Self.label) }

  public var publicKey: PublicKey { PublicKey(Array(key.publicKey.rawRepresentation)) }

  public func sign(_ message: [UInt8]) -> Signature {
    do {
      return Signature(key: publicKey, bytes: Array(try key.signature(for: message)))
    } catch {
      fatalError("Ed25519 signs any message: \(error)")
    }
  }

  private var key: Curve25519.Signing.PrivateKey {
    do { return try Curve25519.Signing.PrivateKey(rawRepresentation: seed) } catch {
      fatalError("any 32 bytes are an Ed25519 key: \(error)")
    }
  }
}

/// The public half of an Ed25519 key.
///
/// On disk: SubjectPublicKeyInfo in PEM, as `openssl pkey -pubout` writes it.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
  private static let label = "PUBLIC KEY"
  /// RFC 8410, section 4: algorithm 1.3.101.112, a bit string of whole bytes.
  private static let prefix: [UInt8] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
  ]

  public let bytes: [UInt8]

  /// - Precondition: 32 bytes.
  init(_ bytes: [UInt8]) {
    precondition(bytes.count == 32, "a public key of \(bytes.count) bytes")
    self.bytes = bytes
  }

  public init(pem: String) throws(FormatError) {
    let der = try PEM.decode(pem, Self.label)
    guard der.starts(with: Self.prefix), der.count == Self.prefix.count + 32 else {
      throw FormatError(
        .unsupported,
        "the public key is not Ed25519 (\(der.count) bytes, \(Self.prefix.count + 32) are needed)")
    }
    self.init(Array(der.dropFirst(Self.prefix.count)))
    guard isProper else {
      throw FormatError(
        .invalidField,
        "the public key is a point of low order or no point in canonical form, which nobody can "
          + "sign with")
    }
  }

  public var pem: String { PEM.encode(Self.prefix + bytes, Self.label) }

  /// 64 hexadecimal digits.
  public var description: String { Digest(bytes).description }

  /// Whether a signature is of this key and of that message.
  public func isSigner(of message: [UInt8], _ signature: Signature) -> Bool {
    guard signature.key == self, isProper, signature.bytes.count == Signature.size,
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
    else { return false }
    return key.isValidSignature(signature.bytes, for: message)
  }
}
