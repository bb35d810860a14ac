/// A pickle as the archive that torch would find it in, so that a fuzzer need not find out how zip
/// archives are made.
enum TorchWrapping {
  /// With four storages of 64 bytes, and no checksums.
  static func archive(_ pickle: [UInt8]) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    let storages = (0..<4).map { ("m/data/\($0)", [UInt8](repeating: 1, count: 64)) }
    for (name, bytes) in [("m/data.pkl", pickle)] + storages {
      let sizes = number(0, 4) + number(bytes.count, 4) + number(bytes.count, 4)
      let name = Array(name.utf8)
      directory += [0x50, 0x4b, 1, 2] + number(0, 12) + sizes + number(name.count, 2)
      directory += number(0, 12) + number(file.count, 4) + name
      file += [0x50, 0x4b, 3, 4] + number(0, 10) + sizes + number(name.count, 2) + [0, 0] + name
      file += bytes
    }
    let end = [0x50, 0x4b, 5, 6, 0, 0, 0, 0] + number(5, 2) + number(5, 2)
    return file + directory + end + number(directory.count, 4) + number(file.count, 4) + [0, 0]
  }

  private static func number(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 < 8 ? value >> (8 * $0) : 0) }
  }
}
