import Bytes
import Checkpoints
import Concurrency
import ConversionSupport
import Kernels
import Platform
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Conversion
@testable import PackFormat
@testable import Quantisation

/// A pack of the demo model, of which bytes are changed in place one at a time: `verify` must
/// detect each.
///
/// Of a byte that was changed only what it concerns is checked again, by the calls that `verify`
/// makes: opening where it lies in the preamble or the index, decoding its block where it lies in
/// one, and everything where it lies between blocks. Every 4001st change is checked the whole way.
/// The tests change every 29th byte; with `CLIP_PACK_EVERY_BYTE` set to 1…9, each byte is changed
/// so often (`Scripts/every_byte`).
@Suite("The demo pack")
struct EveryByteTests {
  let folder = TemporaryFolder()
  let pool = WorkerPool(threads: 1)

  /// What lies at a byte.
  private enum Place {
    /// Preamble or index.
    case opened
    case block(Placement, PackFormat.Stream, String, size: Int)
    case gap
  }

  @Test func `never verifies with a byte changed`() throws {
    let asked = unsafe getenv("CLIP_PACK_EVERY_BYTE").flatMap { unsafe Int(String(cString: $0)) }
    let isExhaustive = asked != nil
    let changes: [UInt8] = (0..<8).map { 1 << $0 } + [0xff]
    let path = folder.appending("demo.clippack")
    _ = try Conversion(
      recipe: Recipe(target: .int8), calibration: .none, pool: pool
    )
      .run(Checkpoint(Fixture.path("demo").string), to: path)
    let pack = try Pack(path, pool: pool)
    try pack.validate()
    let places = Self.places(in: pack)
    let file = try FileDescriptor.open(path, .readWrite)
    defer { try? file.close() }
    let bytes = try Workbench.bytes(path)
    var (tried, whole) = (0, 0)
    for (range, place) in places {
      var scratch = [UInt8]()
      if case .block(_, _, _, let size) = place { scratch = Array(repeating: 0, count: size) }
      for offset in range where isExhaustive || offset % 29 == 0 {
        for number in 0..<min(asked ?? 1, changes.count) {
          let change = changes[(offset + number) % changes.count]
          try file.writeAll(toAbsoluteOffset: Int64(offset), [bytes[offset] ^ change])
          tried += 1
          if tried % 4001 == 0 {
            whole += 1
            #expect(throws: FormatError.self, "byte \(offset) changed by \(change)") {
              try Pack(path, pool: pool).validate()
            }
          }
          guard passes(place, pack, path, &scratch) else { continue }
          Issue.record("byte \(offset) changed by \(change) is not detected")
        }
        try file.writeAll(toAbsoluteOffset: Int64(offset), [bytes[offset]])
      }
    }
    try Pack(path, pool: pool).validate()
    #expect(places.last?.range.upperBound == bytes.count)
    #expect(tried >= bytes.count / 29 && whole > 0)
    if isExhaustive {
      print(
        "\(tried) changes of \(bytes.count) bytes, all detected; \(whole) checked the whole way")
    }
  }

  private func passes(
    _ place: Place, _ pack: Pack, _ path: FilePath, _ scratch: inout [UInt8]
  ) -> Bool {
    do {
      switch place {
      case .opened: _ = try Pack(path, pool: pool)
      case .gap: try Pack(path, pool: pool).validate()
      case .block(let placement, let stream, let name, _):
        var span = scratch.mutableSpan
        var output = unsafe span.mutableBytes
        try pack.decode(placement, of: stream, name, into: &output)
      }
      return true
    } catch {
      return false
    }
  }

  /// All of the file, in order.
  private static func places(in pack: Pack) -> [(range: Range<Int>, place: Place)] {
    var places: [(Range<Int>, Place)] = [(0..<Preamble.size, .opened)]
    var end = Preamble.size
    for (item, streams) in zip(pack.items, pack.index.placements) {
      for (stream, blocks) in zip(item.streams, streams) {
        for (number, block) in blocks.enumerated() {
          if end < block.offset { places.append((end..<block.offset, .gap)) }
          end = block.range.upperBound
          let size = stream.range(ofBlock: number).count
          places.append((block.range, .block(block, stream, item.name, size: size)))
        }
      }
    }
    if end < pack.preamble.indexOffset { places.append((end..<pack.preamble.indexOffset, .gap)) }
    places.append((pack.preamble.indexOffset..<pack.preamble.fileSize, .opened))
    return places
  }
}
