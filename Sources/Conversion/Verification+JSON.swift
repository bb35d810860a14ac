internal import Bytes
public import ClipPack
public import Evidence
internal import PackFormat

extension Verification {
  /// All that was found, one JSON object on one line.
  ///
  /// - Parameters:
  ///   - model: what was verified.
  ///   - rebuilt: what coding its source again found; `nil` where nobody asked.
  public func json(of model: Model, rebuilt: Rebuilding? = nil) throws -> String {
    let pack = model.pack
    var object: JSON.Object = ["passed": .bool(hasPassed)]
    for key in comparison.json.keys { object[key] = comparison.json[key] }
    if let stages = comparison.stagesJSON { object["stages"] = stages }
    object["min_cosine"] = .number(floor)
    object["images"] = .integer(imageCount)
    object["texts"] = .integer(textCount)
    object["pack_bytes"] = .integer(pack.preamble.fileSize)
    object["bits_per_weight"] = .number(pack.bitsPerWeight)
    object["embedding_space"] = .string(try EmbeddingSpace(pack).id)
    object["content_digest"] = .string(pack.contentDigest.description)
    if let authenticity {
      object["authentic"] = .bool(authenticity.isAuthentic)
      object["bounded"] = .array(authenticity.bounded.map(JSON.string))
    }
    if let rebuilt {
      object["rebuilt"] = .bool(rebuilt.differences.isEmpty)
      object["not_rebuilt"] = .array(rebuilt.bounded.map(JSON.string))
    }
    object["signed_by"] = .array(pack.signerNames.map(JSON.string))
    object["published_for"] = Self.checkpoint(thatMayBe: model).map(JSON.string) ?? .null
    object["notes"] = .array(notes.map(JSON.string))
    object["unproven"] = .array(unproven.map(JSON.string))
    object["failures"] = .array(failures.map(JSON.string))
    return JSON.object(object).description
  }

  /// The well-known checkpoint of the model's shape; `nil` where there is none.
  public static func checkpoint(thatMayBe model: Model) -> String? {
    guard let all = try? PublishedAnswers.builtIn else { return nil }
    return PublishedCheck.candidate(for: model, among: all)?.name
  }
}
