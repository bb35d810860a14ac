import Architecture
import Bytes
import Images
import Testing

/// Rules of resizing and cropping that need no picture from outside.
@Suite struct ImagePreprocessingTests {
  /// Levels that tell where they come from.
  private func picture(width: Int, height: Int) -> Picture {
    Picture(
      width: width, height: height,
      levels: (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 * 7) })
  }

  /// Levels as they are, without resizing.
  private func plain(
    crop: Preprocessing.Size?, _ offset: Preprocessing.CropOffset = .floor
  ) -> Preprocessing {
    Preprocessing(
      resize: .none, crop: crop, cropOffset: offset, rescale: 1, mean: [0, 0, 0],
      standardDeviation: [1, 1, 1])
  }

  @Test func `without a crop the tensor is the whole picture, plane by plane`() throws {
    let picture = picture(width: 5, height: 3)
    let pixels = try Pixels(picture, plain(crop: nil))
    #expect(pixels.height == 3 && pixels.width == 5)
    for channel in 0..<3 {
      for place in 0..<15 {
        #expect(pixels.values[channel * 15 + place] == Float(picture.levels[place * 3 + channel]))
      }
    }
  }

  @Test(arguments: [
    (5, 2, Preprocessing.CropOffset.floor, 1), (5, 2, .round, 2), (7, 2, .floor, 2),
    (7, 2, .round, 2), (4, 2, .floor, 1), (4, 2, .round, 1),
  ])
  func `an odd margin is shared as the rule says`(
    edge: Int, crop: Int, rule: Preprocessing.CropOffset, start: Int
  ) throws {
    let picture = picture(width: edge, height: 1)
    let crop = Preprocessing.Size(height: 1, width: crop)
    let pixels = try Pixels(picture, plain(crop: crop, rule))
    #expect(pixels.values[0] == Float(picture.levels[3 * start]))
  }

  @Test(arguments: [(Preprocessing.CropOffset.floor, 2), (.round, 1)])
  func `a picture smaller than the crop lies in black`(
    rule: Preprocessing.CropOffset, left: Int
  ) throws {
    let picture = Picture(width: 2, height: 1, levels: [9, 9, 9, 8, 8, 8])
    let crop = Preprocessing.Size(height: 1, width: 5)
    let pixels = try Pixels(picture, plain(crop: crop, rule))
    var row = [Float](repeating: 0, count: 5)
    (row[left], row[left + 1]) = (9, 8)
    #expect(pixels.values == row + row + row)
  }

  @Test func `black around a picture is normalised like any level`() throws {
    let picture = Picture(width: 1, height: 1, levels: [255, 255, 255])
    var preprocessing = Preprocessing.clip(imageSize: 1)
    preprocessing.crop = Preprocessing.Size(height: 1, width: 2)
    let pixels = try Pixels(picture, preprocessing)
    let mean = Float(Preprocessing.clipMean[0])
    let deviation = Float(Preprocessing.clipStandardDeviation[0])
    #expect(pixels.values[0] == (0 - mean) / deviation)
    #expect(pixels.values[1] == (1 - mean) / deviation)
  }

  @Test func `extents that cannot be given are refused with both numbers`() {
    let picture = picture(width: 40, height: 1)
    let cases: [(Preprocessing, String)] = [
      (
        Preprocessing(resize: .shortestEdge(1 << 31), crop: nil),
        "shortest edge is 2147483648, 1…2147483647 is allowed"
      ),
      (
        Preprocessing(resize: .shortestEdge(1 << 30), crop: nil),
        "resized picture is 42949672960 pixels long, at most 2147483647 are allowed"
      ),
      (
        Preprocessing(resize: .exact(.init(height: 20_000, width: 20_000)), crop: nil),
        "preprocessing gives 20000 × 20000 pixels, at most 178956970 in all are allowed"
      ),
      (plain(crop: .init(height: 0, width: 3)), "crop is 3 × 0 pixels, at least 1 is needed"),
    ]
    for (preprocessing, message) in cases {
      let error = #expect(throws: FormatError.self) { try Pixels(picture, preprocessing) }
      #expect(error?.description == message)
    }
  }

  @Test func `only the wanted part of an enormous enlargement is made`() throws {
    let picture = picture(width: 4000, height: 1)
    let pixels = try Pixels(picture, .clip(imageSize: 8))
    #expect(pixels.values.count == 3 * 8 * 8)
  }
}
