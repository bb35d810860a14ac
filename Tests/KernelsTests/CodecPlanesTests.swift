import Kernels
import TestSupport
import Testing

@Suite("Byte planes")
struct CodecPlanesTests {
  static let layouts = [
    PlaneLayout(width: 2, rotates: false), PlaneLayout(width: 2, rotates: true),
    PlaneLayout(width: 4, rotates: false), PlaneLayout(width: 4, rotates: true),
  ]
  /// Around every width at which a kernel may change its path.
  static let counts = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 1000]
  static let canary: UInt8 = 0xa5

  /// The definition of section 5 of `Formats/clippack.md`.
  private func reference(_ elements: ArraySlice<UInt8>, _ layout: PlaneLayout) -> [UInt8] {
    let bits = UInt64(8 * layout.width)
    let words = stride(from: elements.startIndex, to: elements.endIndex, by: layout.width).map {
      start in
      let word = (0..<layout.width).reduce(0) { $0 | UInt64(elements[start + $1]) << (8 * $1) }
      return layout.rotates ? word << 1 | word >> (bits - 1) : word
    }
    return (0..<layout.width).flatMap { plane in
      words.map { UInt8(truncatingIfNeeded: $0 >> (bits - 8 * UInt64(plane + 1))) }
    }
  }

  @Test(arguments: InstructionSet.available, layouts)
  func `are those of the specification, and come together again`(
    isa: InstructionSet, layout: PlaneLayout
  ) {
    var random = SplitMix64(seed: 4)
    for count in Self.counts {
      // From an odd address, with a byte on either side that must stay.
      let size = count * layout.width
      let elements = (0..<size + 1).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      var planes = [UInt8](repeating: Self.canary, count: size + 2)
      var merged = planes
      do {
        let source = unsafe elements.span.bytes
        var span = planes.mutableSpan
        var all = unsafe span.mutableBytes
        var output = all._mutatingExtracting(1..<size + 1)
        layout.split(source.extracting(1..<size + 1), into: &output, using: isa)
      }
      #expect(planes == [Self.canary] + reference(elements[1...], layout) + [Self.canary])
      do {
        let source = unsafe planes.span.bytes
        var span = merged.mutableSpan
        var all = unsafe span.mutableBytes
        var output = all._mutatingExtracting(1..<size + 1)
        layout.merge(source.extracting(1..<size + 1), into: &output, using: isa)
      }
      #expect(merged == [Self.canary] + elements[1...] + [Self.canary])
    }
  }

  @Test func `trap on half an element`() async {
    await #expect(processExitsWith: .failure) {
      let odd = [UInt8](repeating: 0, count: 3)
      var planes = odd
      var span = planes.mutableSpan
      var output = unsafe span.mutableBytes
      unsafe PlaneLayout(width: 2, rotates: false).split(odd.span.bytes, into: &output)
    }
  }
}
