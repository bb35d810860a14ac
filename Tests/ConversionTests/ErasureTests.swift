import Architecture
import Bytes
import Checkpoints
import Conversion
import ConversionSupport
import Kernels
import PackFormat
import Quantisation
import SystemPackage
import Tensors
import TestSupport
import Testing

/// Recipes of which nothing is left, and models that have no answer.
@Suite("nothing left")
struct ErasureTests {
  let bench = Workbench()
  private let source = Workbench.source("quick-gelu")

  @Test(arguments: [true, false])
  func `a rate at which every matrix becomes zero is refused`(evidence: Bool) {
    let error = #expect(throws: Refusal.self) {
      try bench.convert(source, to: .int8, rate: .bits(0.1), evidence: evidence)
    }
    #expect(
      error?.description
        == "all weights of the image tower's 14 matrices round to zero, and nothing is left of "
        + "it; more bits a weight are needed")
    #expect(FileKind(of: bench.folder.appending("x.clippack")) == nil)
  }

  @Test func `half types of which nothing is left are refused`() throws {
    let folder = try copy { parameter, values in
      if parameter.role == .matrix, parameter.tower == .image { values = values.map { $0 * 1e-9 } }
    }
    let error = #expect(throws: Refusal.self) {
      try bench.convert(folder, to: .f16, evidence: false)
    }
    #expect(
      error?.description
        == "all weights of the image tower's 14 matrices round to zero, and nothing is left of it; "
        + "more bits a weight are needed")
    _ = try bench.convert(folder, to: .bf16, evidence: false)
  }

  @Test func `matrices that become zero are said and counted`() throws {
    let folder = try copy { parameter, values in
      if parameter.name.hasSuffix("mlp.fc1.weight"), parameter.tower == .text {
        values = values.map { $0 * 1e-9 }
      }
    }
    let summary = try bench.convert(folder, to: .f16).summary
    #expect(
      summary.notes.last
        == "3 of the text tower's 19 matrices round to zero: "
        + "\"text_model.encoder.layers.0.mlp.fc1.weight\", …")
  }

  @Test func `exploring leaves out what has no answer, and says so`() throws {
    let conversion = Conversion(
      recipe: Recipe(target: .int8, rate: .bits(0.1)), pool: bench.pool)
    let destination = bench.folder.appending("x.svg")
    let frontier = try conversion.explore(
      Checkpoint(source.string), bits: [0.1, 8], beside: destination)
    #expect(frontier.leftOut == [0.1])
    #expect(frontier.points.count == 1)
    let error = #expect(throws: Refusal.self) {
      try conversion.explore(Checkpoint(source.string), bits: [0.1], beside: destination)
    }
    #expect(
      error?.description
        == "nothing that answers is left of the model at any of these rates")
  }

  @Test func `a model whose embeddings are zero is refused`() throws {
    let folder = try copy { parameter, values in
      if parameter.name == "visual_projection.weight" { values = values.map { _ in 0 } }
    }
    let error = #expect(throws: Refusal.self) { try bench.convert(folder, to: .int8) }
    #expect(
      error?.description
        == "the original has no answer: the embedding of picture 0 is all zeros, which have no "
        + "direction")
  }

  /// The source with other values in some tensors.
  private func copy(_ change: (Parameter, inout [Float]) -> Void) throws -> FilePath {
    let folder = bench.folder.appending("changed")
    try Folder.create(folder)
    for file in try Folder.names(in: source) where file != "reference.safetensors" {
      var bytes = try Workbench.bytes(source.appending(file))
      if file == "model.safetensors" {
        let checkpoint = try Checkpoint(source.string)
        for parameter in checkpoint.graph.parameters {
          let place = try #require(checkpoint.location(of: parameter.name)).lowerBound
          var values = checkpoint.tensor(parameter.name).floats
          change(parameter, &values)
          for (index, value) in values.enumerated() {
            for byte in 0..<4 {
              bytes[place + 4 * index + byte] = UInt8(
                truncatingIfNeeded: value.bitPattern >> (8 * byte))
            }
          }
        }
      }
      try bench.folder.write(bytes, "changed/" + file)
    }
    return folder
  }
}
