internal import Bytes
internal import Evidence
internal import PackFormat
public import SystemPackage

extension Conversion.Summary {
  /// What a conversion did, one JSON object on one line.
  public func json(output: FilePath, seconds: Double) -> String {
    var object: JSON.Object = comparison?.json ?? JSON.Object()
    let written = PathMember("output", output)
    object[written.key] = written.value
    object["source_bytes"] = .integer(sourceBytes)
    object["pack_bytes"] = .integer(packBytes)
    object["weight_bytes"] = .integer(weightBytes)
    object["bits_per_weight"] = .number(bitsPerWeight)
    object["seconds"] = .number(seconds)
    object["content_digest"] = .string(contentDigest.description)
    object["notes"] = .array(notes.map(JSON.string))
    return JSON.object(object).description
  }
}
