import Kernels
import Testing

@testable import Evidence
@testable import Quantisation

@Suite("The built-in inputs of calibration")
struct CalibrationInputsTests {
  /// What calibrated packs hold depends on them, so a change makes other packs.
  @Test func `are the same pictures on every machine`() {
    let all = CalibrationPictures.all(size: 48, 48)
    #expect(checksum(all.flatMap(\.self)) == 2_107_227_679)
    // Gradients are taken of these too, where nothing is calibrated.
    #expect(checksum(all.prefix(4).flatMap(\.self)) == 2_214_318_442)
  }

  @Test(arguments: [1, 2, 7, 64, 224])
  func `are drawn at any size, with contrast`(size: Int) {
    let pictures = CalibrationPictures.all(size: size, 16)
    for picture in pictures {
      #expect(picture.count == size * size * 3)
      if size >= 64 { #expect(Set(picture).count > 1) }
    }
    if size >= 7 { #expect(Set(pictures).count == 16) }
  }

  @Test func `are none of those that packs are measured with`() {
    for size in [32, 64] {
      let probes = Set(ProbePictures.all(size: size))
      #expect(CalibrationPictures.all(size: size, 48).allSatisfy { !probes.contains($0) })
    }
    #expect(Set(ProbeTexts.all).isDisjoint(with: CalibrationTexts.all))
  }

  @Test func `are texts that differ`() {
    #expect(Set(CalibrationTexts.all).count == CalibrationTexts.all.count)
    #expect(CalibrationTexts.all.count >= 120)
  }

  private func checksum(_ levels: [UInt8]) -> UInt32 {
    let bytes = levels.span
    return unsafe crc32(bytes.bytes)
  }
}
