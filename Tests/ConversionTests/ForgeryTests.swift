import Architecture
import Bytes
import ClipPack
import Concurrency
import ConversionSupport
import Evidence
import PackFormat
import Quantisation
import SystemPackage
import Tensors
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
    var target = Recipe.Target.int8
    var rate: Rate?
    var calibration = CalibrationChoice.none
    var count: Int
    var testDescription: String {
      "\(source), \(rate.map { "\($0)" } ?? target.rawValue), \(calibration)"
    }
  }

  /// With codes rounded each for itself, along the trellis, with feedback, with both; as they are;
  /// as halves. `Scripts/forge` makes ten times as many, over four models.
  static let models: [Model] = {
    guard let count = HubCache.processEnvironment("CLIP_PACK_FORGERIES").flatMap({ Int($0) })
    else {
      return [
        Model(source: "models/quick-gelu", count: 36),
        Model(source: "models/quick-gelu", target: .lossless, count: 24),
        Model(source: "models/open-clip", target: .f16, count: 24),
        Model(source: "siglip with a tokenizer", rate: .bits(4), count: 48),
        Model(source: "siglip with a tokenizer", calibration: .builtIn, count: 24),
        Model(source: "families/resnet", rate: .bits(5), calibration: .builtIn, count: 36),
        Model(source: "demo", rate: .bits(3), calibration: .builtIn, count: 24),
      ]
    }
    return [
      Model(source: "demo", rate: .bits(3), calibration: .builtIn, count: count / 4),
      Model(source: "models/patch-32", count: count / 4),
      Model(source: "siglip with a tokenizer", rate: .bits(4), count: count / 4),
      Model(source: "families/resnet", rate: .bits(5), calibration: .builtIn, count: count / 4),
    ]
  }()

  @Test(arguments: models)
  func `is detected against its source, or changes no answer`(model: Model) throws {
    let original = try Original(Checkpoint(source(model.source).string))
    let honest = try pack(model)
    let first = try verdict(on: honest, original)
    #expect(first.isAuthentic && first.isRebuilt, "\(first)")
    #expect(first.bounded.isEmpty == (model.calibration == .none))
    let unchanged = try write(Forger(honest, seed: 0))
    #expect(unchanged.contentDigest == honest.contentDigest)
    #expect(unchanged.evidenceDigest == honest.evidenceDigest)
    let kinds = try Forger(honest, seed: 0).kinds
    // Each model begins elsewhere, so that few changes of each see all kinds together.
    let start = Self.models.firstIndex { $0.testDescription == model.testDescription } ?? 0
    var tallies: [Forger.Kind: Tally] = [:]
    for number in 0..<model.count {
      let kind = kinds[(number + 5 * start) % kinds.count]
      let (change, forged) = try forge(honest, kind, seed: UInt64(100_000 * start + number))
      let found = try verdict(on: forged, original)
      try judge(
        kind, change, forged, honest, found, isCalibrated: model.calibration != .none,
        &tallies[kind, default: Tally()])
    }
    report(model, tallies)
  }

  /// What became of the changes of one kind.
  private struct Tally {
    /// `--against` sees them.
    var against = 0
    /// `--rebuild` alone sees them: of what no answer follows from, or codes within what is proven.
    var rebuild = 0
    /// `--rebuild` alone sees them, and every value decodes to what it was: steps of rows that have
    /// nothing but zero codes.
    var sameValues = 0
    /// They change no answer, and nobody is said to vouch for them.
    var idle = 0
  }

  /// Prints a table of what saw which kind.
  private func report(_ model: Model, _ tallies: [Forger.Kind: Tally]) {
    print("| \(model.testDescription) | --against | --rebuild | same values | idle |")
    for kind in Forger.Kind.allCases {
      guard let tally = tallies[kind] else { continue }
      print(
        "| \(kind) | \(tally.against) | \(tally.rebuild) | \(tally.sameValues) | \(tally.idle) |")
    }
  }

  private func preprocessing(_ pack: Pack) throws -> Preprocessing? {
    try pack.json(.preprocessing).map { try Preprocessing(transformers: $0) }
  }

  private func judge(
    _ kind: Forger.Kind, _ change: String, _ forged: Pack, _ honest: Pack, _ found: Verdict,
    isCalibrated: Bool, _ tally: inout Tally
  ) throws {
    let isContent = forged.contentDigest != honest.contentDigest
    #expect(isContent == kind.isContent, "changes nothing: \(change)")
    if isContent { #expect(!found.isRebuilt, "--rebuild misses \(change)") }
    guard found.isAuthentic else {
      tally.against += 1
      return
    }
    if kind.changesWeights, try forged.hasValues(of: honest) {
      tally.sameValues += 1
      return
    }
    if kind.changesWeights {
      // Rows that stay within what --against proves of codes that were rounded with feedback.
      #expect(change.contains(where: found.bounded), "--against misses \(change)")
      #expect(isCalibrated, "--against misses \(change)")
      tally.rebuild += 1
      return
    }
    if kind == .preprocessing, let honest = try? preprocessing(honest),
      let forged = try? preprocessing(forged), honest == forged
    {
      // A key that says nothing of how pictures are prepared.
      tally.rebuild += 1
      return
    }
    #expect(!kind.isSeenByData, "--against misses \(change)")
    // All that answers follow from is the same.
    for item in honest.index.content.items where forged.isUsed(item) {
      #expect(forged.index.content.items.contains(item), "\(change) changes \(item.name)")
    }
    #expect((try? forged.signers()) == [], "\(change) is taken for a signature")
    if isContent { tally.rebuild += 1 } else { tally.idle += 1 }
  }

  /// Changes a pack by a seed, or by one of the next where that changes nothing: of what is zero
  /// already, some changes make the same.
  private func forge(
    _ honest: Pack, _ kind: Forger.Kind, seed: UInt64
  ) throws -> (change: String, forged: Pack) {
    for seed in stride(from: seed, to: seed + 80_000, by: 10_000) {
      var forger = try Forger(honest, seed: seed)
      let change = try forger.change(kind)
      let forged = try write(forger)
      guard forged.contentDigest == honest.contentDigest, kind.isContent else {
        return ("seed \(seed): \(change)", forged)
      }
    }
    throw Refusal("\(kind) changes nothing, whatever the seed")
  }

  private func write(_ forger: Forger) throws -> Pack {
    let path = bench.folder.appending("forged.clippack")
    try forger.write(to: path)
    return try Pack(path, pool: bench.pool)
  }

  private func pack(_ model: Model) throws -> Pack {
    let conversion = Conversion(
      recipe: Recipe(target: model.target, rate: model.rate), calibration: model.calibration,
      pool: bench.pool)
    let path = bench.folder.appending("honest.clippack")
    _ = try conversion.run(Checkpoint(source(model.source).string), to: path)
    return try Pack(path, pool: bench.pool)
  }

  /// A fixture, or the SigLIP with a vocabulary beside it.
  private func source(_ name: String) throws -> FilePath {
    guard name == "siglip with a tokenizer" else { return Fixture.path(name) }
    let folder = bench.folder.appending("siglip")
    guard FileKind(of: folder) == nil else { return folder }
    try Folder.create(folder)
    for file in ["config.json", "model.safetensors"] {
      let bytes = try Workbench.bytes(Fixture.path("families/siglip/\(file)"))
      try bench.folder.write(bytes, "siglip/" + file)
    }
    let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
    let tokens =
      ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", "photo", "red", "a "] + letters
      + letters.map { "##" + $0 }
    try bench.folder.write(
      Array(tokens.map { $0 + "\n" }.joined().utf8), "siglip/vocab.txt")
    try bench.folder.write(
      Array("{\"tokenizer_class\": \"BertTokenizer\"}".utf8), "siglip/tokenizer_config.json")
    return folder
  }

  private struct Verdict: Sendable {
    /// Whether `--against` finds nothing but a floor that is not reached.
    var isAuthentic = false
    var isRebuilt = false
    /// Tensors of which `--against` does not prove every code.
    var bounded: [String] = []
    var failures: [String] = []
  }

  private func verdict(on pack: Pack, _ original: Original) throws -> Verdict {
    var verdict = Verdict()
    do {
      let model = try ClipPack.Model(pack, keepingMatrices: false)
      let verification = try Verification.against(original, model)
      verdict.failures = verification.failures
      verdict.bounded = verification.authenticity?.bounded ?? []
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

extension Pack {
  /// Whether all tensors of another pack, which has the same, decode to the same values.
  fileprivate func hasValues(of other: Pack) throws -> Bool {
    try zip(tensors, other.tensors).allSatisfy { mine, theirs in
      guard mine != theirs else { return true }
      let (values, others) = try (decoded(mine), other.decoded(theirs))
      return values.buffer.bytes.array == others.buffer.bytes.array
    }
  }

  /// Whether answers follow from an item: all but the recipe, the source's own words, and what came
  /// along so that files can be restored.
  fileprivate func isUsed(_ item: Manifest.Item) -> Bool {
    switch item {
    case .section(let section):
      ![SectionName.recipe, .configuration].map(\.rawValue).contains(section.name)
    case .tensor(let tensor): tensor.isModel
    }
  }
}

extension String {
  fileprivate func contains(where names: [String]) -> Bool { names.contains { contains($0) } }
}

extension Forger {
  /// The kinds of changes that can be made.
  fileprivate var kinds: [Kind] { Kind.allCases.filter(has) }
}

extension Forger.Kind {
  /// Whether it changes what the content digest covers.
  var isContent: Bool {
    switch self {
    case .probes, .recorded, .figures, .space, .floor, .attachment, .signature: false
    default: true
    }
  }

  var changesWeights: Bool {
    switch self {
    case .wholeTensor, .row, .head, .rareToken, .element, .code, .step, .allSteps: true
    default: false
    }
  }

  /// Whether `--against` must see it: all from which answers follow, and what is said of them. A
  /// recipe and items that nobody reads are what `--rebuild` is for.
  var isSeenByData: Bool {
    switch self {
    case .recipe, .extra, .removal, .floor, .attachment, .signature: false
    default: true
    }
  }
}
