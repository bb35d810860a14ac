import Bytes
import ClipPack
import ConversionSupport
import Quantisation
import SystemPackage
import TestSupport
import Testing

/// The demo model is really trained, so what packing costs shows in its answers.
@Suite("The demo model")
struct DemoTests {
  let bench = Workbench()

  @Test(arguments: [Recipe.Target.lossless, .int8])
  func `names what unseen pictures show`(target: Recipe.Target) throws {
    let pack = try bench.convert(Fixture.path("demo"), to: target)
    let model = try bench.model(pack.path)
    let file = try MappedFile(Fixture.path("pictures/labels.json"))
    let labels = try #require(
      try JSON(parsing: Buffer(file, 0..<file.count).span(of: UInt8.self)).object)
    let names = Array(Set(labels.keys.compactMap { labels[$0]?.string })).sorted()
    #expect(names.count >= 24)
    let results = try model.classify(
      images: labels.keys.map { Fixture.path("pictures/\($0)") }, labels: names,
      template: "This is a photo of {}.")
    let right = zip(labels.keys, results).count { labels[$0]?.string == $1[0].label }
    #expect(Double(right) / Double(labels.count) >= 0.95, "\(right) of \(labels.count)")
  }
}
