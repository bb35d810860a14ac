import Bytes
import ClipPack
import Concurrency
import ConversionSupport
import Evidence
import PackFormat
import Quantisation
import SystemPackage
import TestSupport
import Testing

@testable import Checkpoints
@testable import Conversion

/// `Formats/threats.md`, section 3: a pack that was changed, with every checksum made right.
@Suite("A forged pack")
struct ForgeryTests {
  let bench = Workbench()

  struct Model: Sendable, CustomTestStringConvertible {
    var source: String
    var target: Recipe.Target
    var rate: Rate?
    var count: Int
    var testDescription: String { "\(source), \(rate.map { "\($0)" } ?? target.rawValue)" }

    var path: FilePath {
      source == "demo" ? Fixture.path("demo") : Workbench.source(source)
    }
  }

  /// `Scripts/forge` makes ten times as many, over more models.
  static let models: [Model] = {
    let few = [
      Model(source: "demo", target: .int8, rate: .bits(4), count: 100),
      Model(source: "demo", target: .lossless, count: 50),
      Model(source: "demo", target: .int8, count: 50),
    ]
    guard let count = HubCache.processEnvironment("CLIP_PACK_FORGERIES").flatMap({ Int($0) })
    else { return few }
    return [
      Model(source: "demo", target: .int8, rate: .bits(3), count: count / 4),
      Model(source: "quick-gelu", target: .int8, rate: .bits(5), count: count / 4),
      Model(source: "open-clip", target: .f16, count: count / 4),
      Model(source: "patch-32", target: .int8, count: count / 4),
    ]
  }()

  @Test(arguments: models)
  func `is detected against its source, or changes no answer`(model: Model) throws {
    let original = try Original(Checkpoint(model.path.string))
    let honest = try Pack(
      bench.convert(model.path, to: model.target, rate: model.rate).path, pool: bench.pool)
    let first = try verdict(on: honest, original)
    #expect(first.isAuthentic && first.isRebuilt, "\(first)")
    for number in 0..<model.count {
      let kind = Forger.Kind.allCases[number % Forger.Kind.allCases.count]
      var forger = try Forger(honest, seed: UInt64(number))
      guard kind.exists(in: forger) else { continue }
      let change = try forger.change(kind)
      let path = bench.folder.appending("forged.clippack")
      try forger.write(to: path)
      let forged = try Pack(path, pool: bench.pool)
      if forged.contentDigest == honest.contentDigest, kind.isContent {
        Issue.record("seed \(number) changes nothing: \(change)")
        continue
      }
      let found = try verdict(on: forged, original)
      if kind.isContent {
        #expect(!found.isRebuilt, "--rebuild misses seed \(number): \(change)")
      }
      if kind.isSeenByData {
        #expect(!found.isAuthentic, "--against misses seed \(number): \(change)")
      }
      guard !kind.isContent, !kind.isSeenByData else { continue }
      // What answers follow from is the same, and nobody is said to have signed it.
      #expect(forged.contentDigest == honest.contentDigest, "seed \(number): \(change)")
      #expect(try forged.signers().isEmpty)
    }
  }

  private struct Verdict: Sendable {
    /// Whether `--against` finds nothing but a floor that is not reached.
    var isAuthentic: Bool
    var isRebuilt: Bool
    var failures: [String]
  }

  private func verdict(on pack: Pack, _ original: Original) throws -> Verdict {
    var verdict = Verdict(isAuthentic: false, isRebuilt: false, failures: [])
    do {
      let model = try ClipPack.Model(pack, keepingMatrices: false)
      let verification = try Verification.against(original, model)
      verdict.failures = verification.failures
      verdict.isAuthentic = verification.hasPassed || verification.isOnlyBelowDefaultFloor
    } catch let error as any Failure {
      verdict.failures = ["\(error)"]
    }
    do {
      let rebuilt = try Rebuilding(of: pack, from: original)
      verdict.isRebuilt = rebuilt.differences.isEmpty
      verdict.failures += rebuilt.differences
    } catch let error as any Failure {
      verdict.failures.append("\(error)")
    }
    return verdict
  }
}

extension Forger.Kind {
  /// Whether it changes what the content digest covers.
  var isContent: Bool {
    switch self {
    case .probes, .recorded, .floor, .attachment: false
    default: true
    }
  }

  /// Whether `--against` must see it: all from which answers follow, and what is said of them. A
  /// recipe and items that nobody reads are what `--rebuild` is for.
  var isSeenByData: Bool {
    switch self {
    case .recipe, .extra, .floor, .attachment: false
    default: true
    }
  }

  func exists(in forger: Forger) -> Bool {
    switch self {
    case .tokens, .tokenizer: forger.content.contains { $0.name == "tokenizer" }
    case .step: forger.content.contains { $0.streams.count == 2 }
    default: true
    }
  }
}
