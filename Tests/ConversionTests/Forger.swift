import Architecture
import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Evidence
import PackFormat
import SystemPackage
import Tensors
import TestSupport

@testable import Conversion

/// Somebody who changes a pack and makes every checksum and digest right again.
struct Forger {
  /// One item of a pack, decoded.
  struct Item {
    var name: String
    /// `nil` for a section.
    var tensor: EncodedTensor?
    var isRequired = false
    /// Of a tensor what its parts are to hold instead.
    var streams: [[UInt8]]

    var json: JSON {
      get throws {
        let bytes = streams[0]
        return try JSON(parsing: bytes.span)
      }
    }
  }

  /// Where a change lies, and with it who has to see it.
  enum Kind: CaseIterable {
    case wholeTensor, row, head, rareToken, element, code, step, allSteps
    case tokens, tokenizer, tables, preprocessing, network, configuration
    case recipe, extra, removal
    case probes, recorded, figures, space
    case floor, attachment, signature
  }

  var content: [Item]
  var evidence: [Item]
  var attachments: [Item] = []
  var random: SplitMix64
  let pool: WorkerPool
  /// Of the pack as it is, which others may have signed.
  let signedMessage: [UInt8]

  init(_ pack: Pack, seed: UInt64) throws {
    content = try Self.items(pack.index.content, pack)
    evidence = try Self.items(pack.index.evidence, pack)
    random = SplitMix64(seed: seed)
    pool = pack.pool
    signedMessage = pack.signedMessage
  }

  private static func items(_ manifest: Manifest, _ pack: Pack) throws -> [Item] {
    try manifest.items.map { item in
      if case .tensor(let tensor) = item { return try self.item(tensor, pack) }
      let streams = try [pack.section(item.name).map(bytes(of:)) ?? []]
      if case .section(let section) = item {
        return Item(name: item.name, isRequired: section.isRequired, streams: streams)
      }
      return Item(name: item.name, streams: streams)
    }
  }

  private static func item(_ tensor: PackedTensor, _ pack: Pack) throws -> Item {
    let encoded = try pack.encoded(tensor)
    return Item(
      name: tensor.name, tensor: encoded,
      streams: encoded.content.parts.map { bytes(of: $0.bytes) })
  }

  private static func bytes(of buffer: Buffer) -> [UInt8] { buffer.bytes.array }

  func write(to path: FilePath) throws {
    var writer = try PackWriter(path, storage: .compact, pool: pool)
    for item in content { try item.write(to: &writer) }
    writer.beginEvidence()
    for item in evidence { try item.write(to: &writer) }
    writer.beginAttachments()
    for item in attachments { try item.write(to: &writer) }
    _ = try writer.finish()
  }

  /// Makes one change of that kind.
  ///
  /// - Returns: what was changed, for messages.
  mutating func change(_ kind: Kind) throws -> String {
    switch kind {
    case .wholeTensor: return changeTensor()
    case .row: return changeRow()
    case .head: return exchangeHeads()
    case .rareToken: return exchangeTokenRows()
    case .element: return changeElement()
    case .code: return changeCode()
    case .step: return changeStep()
    case .allSteps: return changeAllSteps()
    case .tokens: return try exchangeTokens()
    case .tokenizer: return try changeLeaf(of: .tokenizer)
    case .tables: return exchangeIDs()
    case .preprocessing: return try changeLeaf(of: .preprocessing)
    case .network: return try changeNetwork()
    case .configuration: return try changeLeaf(of: .configuration)
    case .recipe: return try changeLeaf(of: .recipe)
    case .extra: return addItem()
    case .removal: return removeItem()
    case .probes: return changeEvidence(["evidence/pixels", "evidence/input_ids"])
    case .recorded:
      return changeEvidence(["evidence/original/image_embeds", "evidence/original/text_embeds"])
    case .figures: return try raiseFigures()
    case .space: return try changeSpace()
    case .floor: return try changeFloor()
    case .attachment: return attach()
    case .signature: return sign()
    }
  }

  /// Whether the pack has what a kind of change needs.
  func has(_ kind: Kind) -> Bool {
    func has(_ name: SectionName) -> Bool { content.contains { $0.name == name.rawValue } }
    return switch kind {
    case .head: content.contains { $0.isProjectionOfHeads }
    case .rareToken: content.contains { $0.name.contains("token_embedding") }
    case .tokens: has(.tokenizer) && !has(.tokenizerTables)
    case .tokenizer: has(.tokenizer)
    case .tables: has(.tokenizerTables)
    case .preprocessing: has(.preprocessing)
    case .configuration: has(.configuration)
    case .step, .allSteps, .figures: content.contains { $0.streams.count == 2 }
    default: true
    }
  }

  mutating func number(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
}
