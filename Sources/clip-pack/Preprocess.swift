import ArgumentParser
import Bytes
import Checkpoints
import ClipPack
import Images
import SystemPackage
import Tensors

struct Preprocess: Command {
  static let configuration = CommandConfiguration(
    abstract: "Write what the image tower reads of pictures, to compare runtimes by.",
    discussion: "The file has one tensor, pixel_values, F32 (pictures, 3, height, width).")

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Argument(help: "PNG, JPEG or WebP pictures.")
  var file: [Values]

  @Option(
    name: .shortAndLong, help: ArgumentHelp("A .safetensors file to write.", valueName: "file"))
  var output: String

  @OptionGroup var common: Common

  func perform() throws {
    let files = Values.all(file)
    let path = try outputPath(output, besides: [pack] + files)
    let model = try open(pack, common)
    let pixels = try model.pixels(of: files.map { FilePath(argument: $0) })
    let (height, width) = (pixels[0].height, pixels[0].width)
    guard pixels.allSatisfy({ $0.height == height && $0.width == width }) else {
      throw Refusal("the pack's preprocessing gives these pictures different sizes")
    }
    guard let shape = Shape([pixels.count, 3, height, width]) else { return }
    var writer = try SafetensorsWriter(
      replacing: path, tensors: [.init("pixel_values", .float32, shape)])
    for picture in pixels { try writer.append(Buffer(littleEndian: picture.values).bytes) }
    let bytes = writer.count
    try writer.commit()
    try emit(
      common.json
        ? JSON.object([
          "output": .string(output), "shape": .array(shape.extents.map(JSON.integer)),
          "bytes": .integer(bytes),
        ]).description : "\(output): pixel_values \(shape), \(size(bytes))")
  }
}
