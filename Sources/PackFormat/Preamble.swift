internal import Bytes
internal import Kernels

/// The first 160 bytes of a pack: what the file is, and where its index lies.
///
/// Specification: `Formats/clippack.md`, section 3; the names are the same.
public struct Preamble: Equatable, Sendable {
  public static let size = 160
  /// Not text, so that a transfer as text destroys it visibly.
  public static let magic: [UInt8] = [0x89, 0x43, 0x4c, 0x49, 0x50, 0x0d, 0x0a, 0x1a]
  public static let majorVersion: UInt16 = 1
  public static let blockSizes = 1 << 16...1 << 24

  public var minorVersion: UInt16 = 0
  public var requiredFeatures: UInt32 = 0
  public var fileSize: Int
  public var indexOffset: Int
  public var indexSize: Int
  public var indexCRC: UInt32
  public var storage: Storage
  public var contentManifestSize: Int
  public var evidenceManifestSize: Int
  public var attachmentManifestSize: Int
  public var blockSize: Int
  public var contentDigest: Digest
  public var evidenceDigest: Digest
}

/// How the weights of a pack lie in its file.
public enum Storage: String, CaseIterable, Sendable {
  /// Entropy-coded, to be shipped.
  case compact
  /// As the kernels read them, to be run in place.
  case mapped

  init?(code: UInt32) {
    switch code {
    case 0: self = .compact
    case 1: self = .mapped
    default: return nil
    }
  }

  var code: UInt32 { self == .compact ? 0 : 1 }
}

extension Preamble {
  /// Reads and checks the preamble of a file of `actualSize` bytes.
  init(parsing input: inout ByteReader, fileSize actualSize: Int) throws(FormatError) {
    let start = input.offset
    guard input.remaining >= Self.size else {
      throw FormatError(
        .truncated, "file is \(input.remaining) bytes, a pack has at least \(Self.size)")
    }
    var copy = input
    let all = try copy.take(UInt64(Self.size - 4), limit: Self.size, "preamble")
    let crc = crc32(all)

    let magic = try input.take(8, limit: 8, "magic")
    guard magic.elementsEqual(Self.magic) else {
      if let clause = Self.foreign(all, fileSize: actualSize) {
        throw FormatError(.unsupported, clause, at: start)
      }
      throw FormatError(
        .invalidField, "file begins with \(magic.hexadecimal), a pack with \(Self.magicText)",
        at: start)
    }
    var at = input.offset
    let major: UInt16 = try input.read("major_version")
    guard major == Self.majorVersion else {
      throw FormatError(
        .unsupported, "major_version is \(major), this program reads \(Self.majorVersion)", at: at)
    }
    minorVersion = try input.read("minor_version")
    at = input.offset
    requiredFeatures = try input.read("required_features")
    let requiredFeatures = requiredFeatures
    let fileSize: UInt64 = try input.read("file_size")
    let indexOffset: UInt64 = try input.read("index_offset")
    let indexSize: UInt64 = try input.read("index_size")
    indexCRC = try input.read("index_crc")
    let storage: UInt32 = try input.read("storage")
    contentManifestSize = Int(try input.read(UInt32.self, "content_manifest_size"))
    evidenceManifestSize = Int(try input.read(UInt32.self, "evidence_manifest_size"))
    attachmentManifestSize = Int(try input.read(UInt32.self, "attachment_manifest_size"))
    let blockSize: UInt32 = try input.read("block_size")
    contentDigest = try input.digest("content_digest")
    evidenceDigest = try input.digest("evidence_digest")
    let reserved = try input.take(28, limit: 28, "reserved")
    let storedCRC: UInt32 = try input.read("preamble_crc")

    // The checksum first: of a damaged field nothing else should be said.
    guard crc == storedCRC else {
      throw FormatError(
        .checksum,
        "preamble has checksum \(crc.hexadecimal), \(storedCRC.hexadecimal) is recorded",
        at: start)
    }
    guard requiredFeatures == 0 else {
      throw FormatError(
        .unsupported,
        "required_features is \(requiredFeatures.hexadecimal), this program knows none: "
          + "a newer clip-pack is needed", at: at)
    }
    guard reserved.isZero else {
      throw FormatError(.invalidField, "reserved bytes are not zero", at: start + 128)
    }
    guard fileSize == UInt64(actualSize) else {
      throw FormatError(
        .truncated, "file is \(actualSize) bytes, file_size says \(fileSize)", at: start + 16)
    }
    let (end, overflow) = indexOffset.addingReportingOverflow(indexSize)
    guard !overflow, end == fileSize, indexOffset >= UInt64(Self.size) else {
      throw FormatError(
        .invalidField,
        "index of \(indexSize) bytes at \(indexOffset) does not end a file of \(fileSize)",
        at: start + 24)
    }
    guard let storage = Storage(code: storage) else {
      throw FormatError(
        .unsupported, "storage is \(storage), 0 (compact) or 1 (mapped) are known",
        at: start + 44)
    }
    let manifests = contentManifestSize + evidenceManifestSize + attachmentManifestSize
    guard UInt64(manifests) <= indexSize else {
      throw FormatError(
        .inconsistent, "manifests take \(manifests) bytes, the index has \(indexSize)",
        at: start + 48)
    }
    guard Self.blockSizes.contains(Int(blockSize)), blockSize.nonzeroBitCount == 1 else {
      throw FormatError(
        .invalidField,
        "block_size is \(blockSize), a power of two from \(Self.blockSizes.lowerBound) to "
          + "\(Self.blockSizes.upperBound) is allowed", at: start + 60)
    }
    self.fileSize = actualSize
    self.indexOffset = Int(indexOffset)
    self.indexSize = Int(indexSize)
    self.storage = storage
    self.blockSize = Int(blockSize)
  }

  private static let magicText = unsafe magic.span.bytes.hexadecimal

  /// The 160 bytes.
  var encoded: [UInt8] {
    var output = ByteWriter()
    output.append(Self.magic)
    output.append(Self.majorVersion)
    output.append(minorVersion)
    output.append(requiredFeatures)
    output.append(UInt64(fileSize))
    output.append(UInt64(indexOffset))
    output.append(UInt64(indexSize))
    output.append(indexCRC)
    output.append(storage.code)
    output.append(UInt32(contentManifestSize))
    output.append(UInt32(evidenceManifestSize))
    output.append(UInt32(attachmentManifestSize))
    output.append(UInt32(blockSize))
    output.append(contentDigest.bytes)
    output.append(evidenceDigest.bytes)
    output.append([UInt8](repeating: 0, count: 28))
    output.append(unsafe crc32(output.bytes.span.bytes))
    return output.bytes
  }
}

extension ByteReader {
  mutating func digest(_ field: StaticString) throws(FormatError) -> Digest {
    Digest(try take(UInt64(Digest.size), limit: Digest.size, field).array)
  }
}
