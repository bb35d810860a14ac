internal import Architecture
package import Bytes
public import SystemPackage

/// What others have published that a checkpoint answers, so that a pack of it can be recognised.
///
/// Inputs are such as need no file: pictures of one value everywhere, and token ids. Specification:
/// `Formats/published.md`.
public struct PublishedAnswers: Sendable {
  /// The checkpoint's name, for people.
  public var name: String
  var configuration: CLIPConfiguration
  var answers: [Answer]

  /// What one source says.
  struct Answer: Sendable {
    var source: String
    /// Of each picture, what all its normalised values are.
    var pixelValues: [Float]
    /// Each text from its start to its end token.
    var inputIDs: [[Int]]
    /// By how much float32 computations of the same weights may differ from it.
    var tolerance: Double
    var expected: [Slice]
  }

  /// A part of a tensor.
  struct Slice: Sendable {
    /// As in files of reference outputs: `logits_per_image`, `vision_pooled`…
    var tensor: String
    /// Where the part begins in each extent, and how far it goes.
    var from: [Int]
    var extents: [Int]
    /// In the order of rows.
    var values: [Float]
  }

  private static let format = "clip-pack published answers 1"

  /// Those that come with this program.
  public static var builtIn: [PublishedAnswers] {
    get throws { try parse(PackageResources.published_json) }
  }

  /// Those of a file.
  public static func read(_ path: FilePath) throws -> [PublishedAnswers] {
    let file = try MappedFile(path)
    do throws(FormatError) { return try parse(file.bytes.array) } catch {
      throw Refusal("'\(path)': \(error)", about: path)
    }
  }

  package static func parse(_ bytes: [UInt8]) throws(FormatError) -> [PublishedAnswers] {
    let json = try JSON(parsing: bytes.span)
    guard json["format"]?.string == format else {
      throw FormatError(
        .unsupported,
        "format is \(json["format"]?.excerpt ?? "missing"), \"\(format)\" is needed")
    }
    return try list("checkpoints", of: json).map {
      (json) throws(FormatError) in try PublishedAnswers(json)
    }
  }

  private init(_ json: JSON) throws(FormatError) {
    guard let name = json["name"]?.string, let configuration = json["configuration"] else {
      throw FormatError(.invalidField, "a checkpoint lacks name or configuration")
    }
    self.name = name
    self.configuration = try CLIPConfiguration(transformers: configuration)
    answers = []
    for json in try Self.list("answers", of: json) {
      answers.append(try Self.answer(json))
    }
  }

  private static func list(_ key: String, of json: JSON) throws(FormatError) -> [JSON] {
    guard let list = json[key]?.array, !list.isEmpty else {
      throw FormatError(
        .invalidField, "\(key) is \(json[key]?.excerpt ?? "missing"), a list is needed")
    }
    return list
  }

  private static func answer(_ json: JSON) throws(FormatError) -> Answer {
    guard let source = json["source"]?.string, let tolerance = json["tolerance"]?.double,
      tolerance > 0, let members = json["expected"]?.object, members.count > 0
    else {
      throw FormatError(
        .invalidField,
        "an answer lacks source, tolerance or expected, or its tolerance is not above 0")
    }
    var answer = Answer(
      source: source, pixelValues: [], inputIDs: [], tolerance: tolerance, expected: [])
    if let values = json["pixel_values"] {
      answer.pixelValues = try numbers(values, "pixel_values").values
    }
    for text in json["input_ids"]?.array ?? [] {
      let ids = text.array?.compactMap(\.int) ?? []
      guard !ids.isEmpty, ids.count == text.array?.count else {
        throw FormatError(
          .invalidField, "input_ids has \(text.excerpt), lists of whole numbers are needed")
      }
      answer.inputIDs.append(ids)
    }
    for name in members.keys {
      let (extents, values) = try numbers(members[name]?["values"] ?? .null, "\(name).values")
      let from = members[name]?["from"]?.array?.compactMap(\.int) ?? extents.map { _ in 0 }
      guard from.count == extents.count, from.allSatisfy({ $0 >= 0 && $0 < 1 << 32 }) else {
        throw FormatError(
          .invalidField,
          "\(name).from is \(from), \(extents.count) places of at least 0 are needed, one for each "
            + "extent of values")
      }
      answer.expected.append(Slice(tensor: name, from: from, extents: extents, values: values))
    }
    return answer
  }

  /// Lists of lists of numbers, all equally long.
  private static func numbers(
    _ json: JSON, _ place: String
  ) throws(FormatError) -> (extents: [Int], values: [Float]) {
    if let number = json.double { return ([], [Float(number)]) }
    guard let list = json.array, !list.isEmpty else {
      throw FormatError(.invalidField, "\(place) is \(json.excerpt), lists of numbers are needed")
    }
    var (inner, values): ([Int]?, [Float]) = (nil, [])
    for element in list {
      let (extents, more) = try numbers(element, place)
      guard inner == nil || inner == extents else {
        throw FormatError(.inconsistent, "\(place) has lists of different lengths")
      }
      inner = extents
      values += more
    }
    return ([list.count] + (inner ?? []), values)
  }
}

extension PublishedAnswers {
  /// Whether a model has the network of this checkpoint, or of one of its towers.
  func fits(_ network: Network) -> Bool {
    let towers = Set(Tower.allCases.filter { network[$0] != nil })
    // Where the end token is the largest id, both rules of pooling find it.
    var other = configuration
    if let text = configuration.text {
      let last = CLIPConfiguration.Pooling.first(text.vocabularySize - 1)
      if text.pooling == last { other.text?.pooling = .largestID }
      if text.pooling == .largestID { other.text?.pooling = last }
    }
    return [configuration, other].contains { $0.keeping(towers)?.network == network }
  }
}
