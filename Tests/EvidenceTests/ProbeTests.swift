import Kernels
import Testing

@testable import Evidence

@Suite("The built-in probes")
struct ProbeTests {
  /// The pictures are evidence; that they are the same everywhere lets two packs be compared.
  @Test func `are the same pictures on every machine`() {
    let levels = ProbePictures.all(size: 48).flatMap(\.self)
    #expect(levels.count == 8 * 48 * 48 * 3)
    let bytes = levels.span
    let checksum = unsafe crc32(bytes.bytes)
    #expect(checksum == 3_348_938_539)
  }

  @Test(arguments: [1, 2, 7, 64, 224])
  func `are drawn at any size, with contrast`(size: Int) {
    for picture in ProbePictures.all(size: size) {
      #expect(picture.count == size * size * 3)
      if size >= 7 { #expect(Set(picture).count > 20) }
    }
  }

  @Test func `have texts of many lengths and scripts`() {
    #expect(ProbeTexts.all.count == 16)
    #expect(Set(ProbeTexts.all).count == 16)
  }
}
