internal import Bytes
internal import Datasets

extension FuzzedReader {
  static func readTar(_ bytes: [UInt8]) throws {
    var reader = TarReader(Buffer(sealedTar(bytes)))
    var (count, size) = (0, 0)
    while let member = try reader.next() {
      count += 1
      size += member.content.count
    }
    precondition(count * 512 + size <= bytes.count, "members lie beside one another")
  }

  /// With the checksum of each block that says it is a header made right.
  ///
  /// Offsets: POSIX.1-2017, pax, "ustar Interchange Format".
  private static func sealedTar(_ bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    for start in stride(from: 0, to: bytes.count - 511, by: 512)
    where bytes[start + 257..<start + 262].elementsEqual("ustar".utf8) {
      let checksum = start + 148..<start + 156
      for place in checksum { result[place] = 0x20 }
      let sum = result[start..<start + 512].reduce(0) { $0 + Int($1) }
      let digits = Array(String(sum, radix: 8).utf8)
      result.replaceSubrange(checksum.prefix(digits.count), with: digits)
      result[start + 148 + digits.count] = 0
    }
    return result
  }
}
