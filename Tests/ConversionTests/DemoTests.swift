import Bytes
import ClipPack
import ConversionSupport
import Kernels
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
      templates: ["This is a photo of {}."])
    let right = zip(labels.keys, results).count { labels[$0]?.string == $1[0].label }
    #expect(Double(right) / Double(labels.count) >= 0.95, "\(right) of \(labels.count)")
  }

  @Test func `makes of several templates what NumPy does`() throws {
    let file = try MappedFile(Fixture.path("prompts.json"))
    let golden = try JSON(parsing: Buffer(file, 0..<file.count).span(of: UInt8.self))
    func strings(_ key: String) -> [String] { golden[key]!.array!.map { $0.string! } }
    let expected = golden["embeddings"]!.array!.map { $0.array!.map { $0.double! } }
    let pack = try bench.convert(Fixture.path("demo"), to: .lossless)
    let model = try bench.model(pack.path)
    let (labels, templates) = (strings("labels"), strings("templates"))
    let found = try model.embed(labels: labels, templates: templates)
    #expect(found.count == labels.count && templates.count == 4)
    for (found, expected) in zip(found, expected) {
      try #require(found.count == expected.count)
      let largest = zip(found, expected).map { abs(Double($0) - $1) }.max()!
      #expect(largest <= 1e-6)
    }
    // One template is the sentence itself.
    let one = try model.embed(labels: labels, templates: ["a {}"])
    #expect(try one == model.embed(texts: labels.map { "a \($0)" }))
  }

  @Test(arguments: [Compute.f32, .bf16, .int8])
  func `embeds labels in sentences as it does each alone`(compute: Compute) throws {
    let pack = try bench.convert(Fixture.path("demo"), to: .int8, evidence: false)
    let model = try Model(opening: pack.path, threads: 2, compute: compute)
    let colours = ["red", "green", "blue", "yellow", "white"]
    let texts = ["a {} circle on {}", "two {} squares", "a photo of {} shapes and {} ones", "{}"]
      .flatMap { sentence in colours.map { sentence.replacing("{}", with: $0) } }
    let together = try model.embed(texts: texts + texts.reversed())
    for (index, text) in texts.enumerated() {
      let alone = try model.embed(texts: [text])[0]
      #expect(together[index] == together[together.count - 1 - index])
      if compute != .f32 { #expect(together[index] == alone) }
      #expect(zip(together[index], alone).allSatisfy { abs($0 - $1) <= 1e-6 })
    }
  }
}
