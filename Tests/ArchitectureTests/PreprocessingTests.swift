import Architecture
import Bytes
import Testing

@Suite("A preprocessor configuration")
struct PreprocessingTests {
  @Test(arguments: Golden.cases("preprocessors.json"))
  func `says what transformers reads from it`(_ golden: Golden) throws {
    #expect(try Preprocessing(transformers: golden.config).json == golden.normalised)
  }

  @Test(arguments: Golden.cases("preprocessors.json"))
  func `is the same after writing and reading`(_ golden: Golden) throws {
    var preprocessing = try Preprocessing(transformers: golden.config)
    preprocessing.alpha = .drop
    preprocessing.cropOffset = .round
    let text = preprocessing.json.indented
    #expect(try Preprocessing(transformers: JSON(parsing: text)) == preprocessing)
  }

  @Test func `is found in a processor's file`() throws {
    let json: JSON = ["image_processor": ["size": ["shortest_edge": 16], "crop_size": 16]]
    #expect(try Preprocessing(transformers: json) == .clip(imageSize: 16))
  }

  @Test(arguments: ["bicubic", "BICUBIC", "PILImageResampling.BICUBIC"])
  func `names its filter in several ways`(name: String) throws {
    #expect(try Preprocessing(transformers: ["resample": .string(name)]).resample == .bicubic)
  }

  static let damages = [
    Damage("3", "the text is 3, an object is required"),
    Damage(
      #"{"size":0}"#, "size is 0, a whole number from 1 to 16384 is allowed"),
    Damage(
      #"{"size":{"shortest_edge":-1}}"#,
      "size.shortest_edge is -1, a whole number from 1 to 16384 is allowed"),
    Damage(
      #"{"size":{"shortest_edge":224,"longest_edge":512}}"#,
      "size has shortest_edge and longest_edge, shortest_edge alone or height and width are "
        + "supported"),
    Damage(#"{"size":"big"}"#, #"size is "big", an object is required"#),
    Damage(
      #"{"crop_size":{"shortest_edge":224}}"#,
      "crop_size is an object of 1 members, a number or an object of height and width is allowed"),
    Damage(
      #"{"crop_size":[224,1e9]}"#,
      "crop_size[1] is 1000000000.0, a whole number from 1 to 16384 is allowed"),
    Damage(
      #"{"resample":9}"#,
      "resample is 9, one of 0 (nearest), 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box), "
        + "5 (hamming) is allowed"),
    Damage(
      #"{"image_mean":[0.5,0.5]}"#,
      "image_mean is [0.5, 0.5], 3 numbers from -1000.0 to 1000.0 are allowed"),
    Damage(
      #"{"image_std":[0.5,0,0.5]}"#,
      "image_std is [0.5, 0, 0.5], 3 numbers from 1e-06 to 1000.0 are allowed"),
    Damage(#"{"do_resize":1}"#, "do_resize is 1, true or false is allowed"),
    Damage(#"{"do_pad":true}"#, "do_pad is true, only false is supported"),
    Damage(
      #"{"rescale_factor":0}"#, "rescale_factor is 0, a number from 1e-09 to 1000.0 is allowed"),
    Damage(
      #"{"image_processor_type":"BlipImageProcessor"}"#,
      #"image_processor_type is "BlipImageProcessor", one of CLIPImageProcessor, "#
        + "CLIPImageProcessorFast, CLIPImageProcessorPil, CLIPFeatureExtractor, "
        + "ChineseCLIPImageProcessor, ChineseCLIPImageProcessorFast, ChineseCLIPImageProcessorPil, "
        + "ChineseCLIPFeatureExtractor, "
        + "SiglipImageProcessor, SiglipImageProcessorFast, SiglipImageProcessorPil is supported"),
    Damage(#"{"alpha":"black"}"#, #"alpha is "black", "white" or "drop" is allowed"#),
  ]

  @Test(arguments: damages)
  func `is refused with the key, what was found and what is allowed`(_ damage: Damage) {
    let error = #expect(throws: FormatError.self) {
      try Preprocessing(transformers: JSON(parsing: damage.text))
    }
    #expect(error?.description == damage.message)
  }
}
