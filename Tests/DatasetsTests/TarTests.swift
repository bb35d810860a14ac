import Bytes
import Datasets
import SystemPackage
import TestSupport
import Testing

@Suite("Tars") struct TarTests {
  private func members(_ bytes: [UInt8]) throws -> [(name: String, count: Int)] {
    var reader = TarReader(Buffer(bytes))
    var members: [(String, Int)] = []
    while let member = try reader.next() {
      members.append((String(decoding: member.name, as: UTF8.self), member.content.count))
    }
    return members
  }

  private func fixture(_ name: String) throws -> [UInt8] {
    let file = try MappedFile(Fixture.path("shards/\(name)"))
    return file.bytes.array
  }

  private static let deep = String(repeating: "folder/", count: 20)

  @Test(arguments: ["ustar.tar", "gnu.tar", "pax.tar"])
  func `members are those that were put in`(name: String) throws {
    let found = try members(fixture(name))
    let names = [
      "a/000.jpg", "a/000.txt", "a/000.json", "a/001.JPEG", "a/001.txt", "a/002.txt", "b/000.cls",
      "b/000.png", Self.deep + "long.name.txt", Self.deep + "long.jpg", "ü/000.jpg",
    ]
    #expect(found.map(\.name) == Array(names.prefix(found.count)))
    #expect(found.count == (name == "ustar.tar" ? 8 : name == "gnu.tar" ? 10 : 11))
    #expect(found[1].count == 33 && found[2].count == 2 && found[3].count == 700)
  }

  @Test func `an archive may end without blocks of zeros`() throws {
    let bytes = try fixture("ustar.tar")
    #expect(try members([]).isEmpty)
    // a/, its header alone; then the first picture without its padding.
    #expect(try members(Array(bytes.prefix(512))).isEmpty)
    let size = try members(bytes)[0].count
    #expect(try members(Array(bytes.prefix(1024 + size))).map(\.count) == [size])
  }

  static let damages: [(name: String, change: @Sendable (inout [UInt8]) -> Void, message: String)] =
    [
      (
        "cut in a header", { $0.removeSubrange(700...) },
        "a tar header takes 512 bytes, 188 are left (byte 0x200)"
      ),
      (
        "cut in a member", { $0.removeSubrange(1100...) },
        "a member of the tar is 1460 bytes, 76 are left (byte 0x200)"
      ),
      (
        "another name", { $0[512] ^= 1 },
        "a tar header has checksum 3709, 3710 is recorded (byte 0x200)"
      ),
      (
        "no checksum", { for index in 660..<668 { $0[index] = 0x20 } },
        "checksum of a tar header is \"\", an octal number is needed (byte 0x200)"
      ),
      (
        "a size in words", { $0.replaceSubrange(636..<639, with: "abc".utf8) },
        "a tar header has checksum 3860, 3710 is recorded (byte 0x200)"
      ),
    ]

  @Test(arguments: damages.indices)
  func `a damaged archive is refused`(index: Int) throws {
    let (name, change, message) = Self.damages[index]
    var bytes = try fixture("ustar.tar")
    change(&bytes)
    let error = #expect(throws: FormatError.self, "\(name)") { try members(bytes) }
    #expect(error?.description == message)
  }

  @Test func `sizes and names beyond what may be are refused`() throws {
    #expect(try members(Self.header("a", size: "00000000002") + [1, 2]).map(\.count) == [2])
    for (size, kind, content, message) in [
      ("9", "0", [], "size of a tar header is \"9\", an octal number is needed (byte 0x0)"),
      ("-1", "0", [], "size of a tar header is \"-1\", an octal number is needed (byte 0x0)"),
      (
        "777777777777", "0", [],
        "a member of the tar is 68719476735 bytes, 0 are left (byte 0x0)"
      ),
      (
        "3", "x", Array("abc".utf8), "a pax record does not begin with its length (byte 0x0)"
      ),
      (
        "13", "x", Array("11 size=9\n\n".utf8),
        "a pax header gives a size of its own, ustar's are read (byte 0x0)"
      ),
    ] as [(String, Character, [UInt8], String)] {
      let error = #expect(throws: FormatError.self) {
        try members(Self.header("a", size: size, kind: kind) + content)
      }
      #expect(error?.description == message)
    }
    // GNU's binary form, of more than 63 bits.
    var large = Self.header("a", size: "0")
    large.replaceSubrange(124..<136, with: [0x80] + Array(repeating: 0xff, count: 11))
    Self.seal(&large)
    let error = #expect(throws: FormatError.self) { try members(large) }
    #expect(error?.description == "size of a tar header is too large (byte 0x0)")
  }

  @Test func `every truncation and many changes are read or refused`() throws {
    let bytes = try fixture("pax.tar")
    var generator = SplitMix64(seed: 5)
    for end in stride(from: 0, to: bytes.count, by: 97) {
      _ = try? members(Array(bytes.prefix(end)))
    }
    for _ in 0..<3000 {
      var changed = bytes
      let header = Int.random(in: 0..<bytes.count / 512, using: &generator) * 512
      changed[header + Int.random(in: 0..<512, using: &generator)] = .random(
        in: 0...255, using: &generator)
      var sealed = Array(changed[header..<header + 512])
      Self.seal(&sealed)
      changed.replaceSubrange(header..<header + 512, with: sealed)
      _ = try? members(changed)
    }
  }

  /// A sound header of ustar.
  static func header(_ name: String, size: String, kind: Character = "0") -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 512)
    for (offset, text) in [(0, name), (124, size), (156, String(kind)), (257, "ustar\0")] {
      bytes.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    seal(&bytes)
    return bytes
  }

  /// Gives a header the checksum that it needs.
  static func seal(_ bytes: inout [UInt8]) {
    for index in 148..<156 { bytes[index] = 0x20 }
    let sum = String(bytes.reduce(0) { $0 + Int($1) }, radix: 8)
    let digits = String(repeating: "0", count: 6 - sum.utf8.count) + sum
    bytes.replaceSubrange(148..<154, with: digits.utf8)
    bytes[154] = 0
  }
}
