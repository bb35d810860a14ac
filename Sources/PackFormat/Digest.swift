internal import Crypto

/// A SHA-256 digest.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
  public static let size = 32

  public let bytes: [UInt8]

  /// - Precondition: 32 bytes.
  public init(_ bytes: [UInt8]) {
    precondition(bytes.count == Self.size, "a digest of \(bytes.count) bytes")
    self.bytes = bytes
  }

  public init(of bytes: RawSpan) {
    var hash = RunningDigest()
    hash.update(bytes)
    self = hash.finish()
  }

  /// 64 hexadecimal digits.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// SHA-256 of bytes that come in pieces.
public struct RunningDigest {
  private var hash = SHA256()

  public init() {}

  public mutating func update(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
  }

  public func finish() -> Digest { Digest(Array(hash.finalize())) }
}
