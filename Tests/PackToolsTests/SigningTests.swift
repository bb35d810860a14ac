import Bytes
import Checkpoints
import Concurrency
import Kernels
import SystemPackage
import TestSupport
import Testing

@testable import Conversion
@testable import PackFormat
@testable import PackTools
@testable import Quantisation

/// Signatures, and keys in the form that openssl writes.
@Suite("signing")
struct SigningTests {
  let folder = TemporaryFolder()
  let pool = WorkerPool(threads: 1)

  /// The key pair of RFC 8410, sections 10.1 and 10.3.
  static let privatePEM = """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
    -----END PRIVATE KEY-----

    """
  static let publicPEM = """
    -----BEGIN PUBLIC KEY-----
    MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
    -----END PUBLIC KEY-----

    """

  func pack(_ storage: Storage = .compact) throws -> Pack {
    let path = folder.appending("\(storage.rawValue).clippack")
    let conversion = Conversion(
      recipe: Recipe(target: .int8), storage: storage, makesEvidence: false,
      calibration: .none, pool: pool)
    _ = try conversion.run(
      Checkpoint(Fixture.path("models/quick-gelu").string), to: path)
    return try Pack(path, pool: pool)
  }

  @Test func `keys are read and written as openssl does`() throws {
    let key = try SigningKey(pem: Self.privatePEM)
    #expect(key.pem == Self.privatePEM)
    #expect(key.publicKey.pem == Self.publicPEM)
    #expect(try PublicKey(pem: Self.publicPEM) == key.publicKey)
  }

  @Test(arguments: [
    "01" + String(repeating: "0", count: 62), String(repeating: "0", count: 64),
    "ec" + String(repeating: "f", count: 60) + "7f",
    "ed" + String(repeating: "f", count: 60) + "7f",
    "ee" + String(repeating: "f", count: 60) + "ff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ])
  func `keys that anybody can sign with are refused`(digits: String) throws {
    let bytes = stride(from: 0, to: 64, by: 2).map { index in
      UInt8(digits.dropFirst(index).prefix(2), radix: 16)!
    }
    let key = PublicKey(bytes)
    let error = #expect(throws: FormatError.self) { try PublicKey(pem: key.pem) }
    #expect(error?.reason.contains("low order or no point in canonical form") == true)
    // R of order 1 and S of 0 are good for the neutral element and any message.
    let signature = Signature(key: key, bytes: [1] + [UInt8](repeating: 0, count: 63))
    #expect(!key.isSigner(of: [1, 2, 3], signature))
  }

  @Test(arguments: [
    ("", "there is no line \"-----BEGIN PUBLIC KEY-----\", as a PEM file of that has"),
    ("-----BEGIN PUBLIC KEY-----\nAAAA\n", "there is no line \"-----END PUBLIC KEY-----\""),
    (
      "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----",
      "3 characters are no whole base64"
    ),
    (
      "-----BEGIN PUBLIC KEY-----\nAA*A\n-----END PUBLIC KEY-----",
      "byte 42 is no character of base64"
    ),
    (
      "-----BEGIN PUBLIC KEY-----\nAAA=\n-----END PUBLIC KEY-----",
      "the public key is not Ed25519 (2 bytes, 44 are needed)"
    ),
  ])
  func `what is no public key is refused`(pem: String, message: String) {
    let error = #expect(throws: FormatError.self) { try PublicKey(pem: pem) }
    #expect(error?.description == message)
  }

  @Test func `a signed pack keeps its digests, and its signature through repack`() throws {
    let key = SigningKey()
    let original = try pack()
    #expect(try original.objection(to: key.publicKey) == "the pack is not signed")
    let signed = folder.appending("signed.clippack")
    try Signing.sign(original, with: key, to: signed)
    let pack = try Pack(signed, pool: pool)
    try pack.validate()
    #expect(pack.contentDigest == original.contentDigest)
    #expect(pack.evidenceDigest == original.evidenceDigest)
    #expect(try pack.objection(to: key.publicKey) == nil)

    let mapped = folder.appending("mapped.clippack")
    try Repacking.run(pack, to: mapped, storage: .mapped)
    #expect(try Pack(mapped, pool: pool).objection(to: key.publicKey) == nil)
  }

  @Test func `signing in place twice leaves one signature of a key, and those of others`() throws {
    let (first, second) = (SigningKey(), SigningKey())
    let path = try pack().path
    for key in [first, second, first] {
      try Signing.sign(Pack(path, pool: pool), with: key, to: path)
    }
    let pack = try Pack(path, pool: pool)
    try pack.validate()
    #expect(try pack.signatures().map(\.key) == [second.publicKey, first.publicKey])
    #expect(try pack.objection(to: first.publicKey) == nil)
    #expect(try pack.objection(to: second.publicKey) == nil)
  }

  @Test func `a signature does not pass to another pack, nor to another key`() throws {
    let key = SigningKey()
    let pack = try pack()
    let signature = key.sign(Array("clip-pack signature 1\n".utf8))
    let forged = folder.appending("forged.clippack")
    var writer = try PackWriter.copying(pack, to: forged)
    try writer.add(signature)
    try writer.finish()
    let other = SigningKey().publicKey
    let opened = try Pack(forged, pool: pool)
    #expect(
      try opened.objection(to: key.publicKey)
        == "the signature of the key \(key.publicKey) is not of this pack")
    #expect(
      try opened.objection(to: other)
        == "the pack is not signed with the key \(other), but with \(key.publicKey)")
  }

  @Test func `a damaged pack is not signed`() throws {
    let path = try pack(.mapped).path
    let intact = try Pack(path, pool: pool)
    let placement = try #require(intact.index.placements.joined().joined().first)
    let file = try MappedFile(path)
    var bytes = file.bytes.array
    bytes[placement.offset] ^= 1
    let damaged = try folder.write(bytes, "damaged.clippack")
    let output = folder.appending("output.clippack")
    #expect(throws: FormatError.self) {
      try Signing.sign(Pack(damaged, pool: pool), with: SigningKey(), to: output)
    }
    #expect(FileKind(of: output) == nil)
  }

  @Test func `a private key is its owner's alone and is never replaced`() throws {
    let path = folder.appending("key")
    let (key, publicPath) = try Signing.makeKey(path)
    #expect(FileKind.permissions(of: path) == [.ownerReadWrite])
    #expect(try Signing.key(path).publicKey == key.publicKey)
    #expect(try Signing.publicKey(publicPath) == key.publicKey)
    let error = #expect(throws: Refusal.self) { try Signing.makeKey(path) }
    #expect(
      error?.description
        == "'\(path)' is there already, and keys are not replaced; give another name")

    let open = try folder.write(Array(key.pem.utf8), "open")
    let refusal = #expect(throws: Refusal.self) { try Signing.key(open) }
    #expect(
      refusal?.description
        == "'\(open)' can be read by others than its owner; chmod 600 '\(open)'")
  }
}
