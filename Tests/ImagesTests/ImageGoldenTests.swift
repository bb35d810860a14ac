import Architecture
import Bytes
import Images
import Kernels
import Testing

/// Against Pillow and transformers, bit for bit.
@Suite struct ImageGoldenTests {
  @Test func `every kind of PNG, JPEG and WebP decodes to Pillow's pixels`() throws {
    let goldens = try ImageFixture.goldens("decoded")
    #expect(goldens.count > 75)
    for golden in goldens {
      let name = try #require(golden["file"]?.string)
      for alpha in [Preprocessing.Alpha.white, .drop] {
        let picture = try Picture(decoding: ImageFixture.file(name), alpha: alpha)
        #expect(picture.width == golden["width"]?.int, "\(name)")
        #expect(picture.height == golden["height"]?.int, "\(name)")
        #expect(
          ImageFixture.hexadecimal(picture.levels) == golden[alpha.rawValue]?.string,
          "\(name) \(alpha)")
        if let levels = golden["levels"]?.array {
          #expect(picture.levels.map { JSON.integer(Int($0)) } == levels, "\(name)")
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `pictures resize to Pillow's pixels`(isa: InstructionSet) throws {
    var combinations = 0
    for golden in try ImageFixture.goldens("resized") {
      let name = try #require(golden["file"]?.string)
      let picture = try Picture(decoding: ImageFixture.file(name))
      let width = try #require(golden["width"]?.int)
      let height = try #require(golden["height"]?.int)
      for filter in Preprocessing.Resample.allCases {
        let resized = picture.resized(width: width, height: height, filter, using: isa)
        #expect(
          ImageFixture.hexadecimal(resized.levels) == golden["levels"]?["\(filter)"]?.string,
          "\(name) to \(width) × \(height), \(filter)")
        combinations += 1
      }
    }
    #expect(combinations >= 300)
  }

  @Test(arguments: InstructionSet.available)
  func `tensors are those of transformers and of OpenAI's crop`(isa: InstructionSet) throws {
    let goldens = try ImageFixture.goldens("tensors")
    #expect(goldens.count > 40)
    for golden in goldens {
      let name = try #require(golden["file"]?.string)
      let preprocessing = try Self.preprocessing(golden)
      let file = try ImageFixture.file(name)
      let pixels = try Pixels(decoding: file, preprocessing, using: isa)
      #expect(
        ImageFixture.hexadecimal(ImageFixture.littleEndian(pixels.values))
          == golden["values"]?.string, "\(golden)")
      #expect(try Pixels(Picture(decoding: file), preprocessing, using: isa) == pixels)
    }
  }

  private static func preprocessing(_ golden: JSON) throws -> Preprocessing {
    let height = try #require(golden["crop_height"]?.int)
    let width = try #require(golden["crop_width"]?.int)
    return Preprocessing(
      resize: .shortestEdge(try #require(golden["shortest_edge"]?.int)),
      crop: Preprocessing.Size(height: height, width: width),
      cropOffset: try #require(
        golden["offset"]?.string.flatMap(Preprocessing.CropOffset.init(rawValue:))),
      resample: try #require(
        golden["resample"]?.int.flatMap(Preprocessing.Resample.init(rawValue:))))
  }

  @Test func `a tensor's bits are the golden ones`() throws {
    let bits = try ImageFixture.goldens("gamma_2x2_bits")
    let pixels = try Pixels(decoding: ImageFixture.file("gamma.png"), .clip(imageSize: 2))
    #expect(pixels.values.map { JSON.integer(Int($0.bitPattern)) } == bits)
    #expect(pixels.height == 2 && pixels.width == 2)
  }
}
