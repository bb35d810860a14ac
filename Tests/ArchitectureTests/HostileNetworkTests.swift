import Architecture
import Bytes
import SystemPackage
import Tensors
import TestSupport
import Testing

/// The networks of `Formats/vectors/hostile_networks.json`, which the interpreter beside them
/// refuses too: changes of the worked example of `Formats/network.md`, and towers of their own.
@Suite("networks that must be refused")
struct HostileNetworkTests {
  @Test(arguments: HostileNetwork.all)
  func `a hostile network is refused`(_ one: HostileNetwork) throws {
    #expect(throws: FormatError.self) {
      let network = try Network(parsing: JSON(parsing: one.text))
      let graph = try NetworkGraph(network)
      try one.check(graph)
    }
  }

  @Test func `the worked example is a network`() throws {
    let graph = try NetworkGraph(try Network(parsing: JSON(parsing: HostileNetwork.example)))
    #expect(graph.image?.nodes.count == 26)
    #expect(graph.text?.nodes.count == 23)
    #expect(graph.parameters.count == 78)
    #expect(graph.parameterCount == 201_585)
  }

  @Test func `the worked example is in canonical form`() throws {
    let network = try Network(parsing: JSON(parsing: HostileNetwork.example))
    #expect(network.json.description == HostileNetwork.example)
  }
}

/// One case of the file.
struct HostileNetwork: Sendable, CustomTestStringConvertible {
  /// The section.
  var text: String
  /// What the interpreter says.
  var testDescription: String
  /// Tensors of the pack whose extents are not those that the example needs.
  private var index: [String: [Int]?]

  /// The JSON of section 6, without its line breaks.
  static let example: String = {
    do {
      let page = try String(decoding: contents("network.md"), as: UTF8.self)
      let start = page.firstRange(of: "```json\n")!.upperBound
      let end = page[start...].firstRange(of: "```")!.lowerBound
      return String(page[start..<end].filter { $0 != "\n" })
    } catch { fatalError("\(error)") }
  }()

  /// The extents of the example's tensors.
  private static let needed: [String: [Int]] = {
    do {
      let graph = try NetworkGraph(Network(parsing: JSON(parsing: example)))
      return Dictionary(
        uniqueKeysWithValues: graph.parameters.map { ($0.name, $0.shape.extents) })
    } catch { fatalError("\(error)") }
  }()

  static let all: [HostileNetwork] = {
    do {
      let text = try String(decoding: contents("vectors/hostile_networks.json"), as: UTF8.self)
      let example = try JSON(parsing: example)
      return try JSON(parsing: text).array!.compactMap { try HostileNetwork($0, example) }
    } catch { fatalError("\(error)") }
  }()

  /// A file of `Formats`.
  static func contents(_ name: String) throws -> [UInt8] {
    let formats = Fixture.folder.removingLastComponent().removingLastComponent()
      .appending("Formats")
    let file = try MappedFile(formats.appending(FilePath(name).components))
    return unsafe file.bytes.withUnsafeBytes { unsafe Array($0) }
  }

  /// - Returns: `nil` for what is not about the network: items of the index other than extents, and
  ///   bytes that are no text.
  private init?(_ json: JSON, _ example: JSON) throws {
    testDescription = json["refusal"]!.string!
    index = [:]
    for (name, entry) in json["index"]?.object.map({ object in
      object.keys.map { ($0, object[$0]!) }
    }) ?? [] {
      guard entry.isNull || entry["shape"] != nil else { return nil }
      index[name] = .some(entry["shape"]?.array?.map { $0.int! })
    }
    if let text = json["text"]?.string {
      guard text.unicodeScalars.allSatisfy(\.isASCII) else { return nil }
      self.text = String(repeating: text, count: json["times"]?.int ?? 1)
      return
    }
    var document = json["base"] ?? example
    for change in json["changes"]?.array ?? [] {
      document = document.changed(change.array![0].array![...], change.array![1])
    }
    text = document.description
  }

  /// What a reader does with the parameters of a graph: each is held against the index.
  func check(_ graph: NetworkGraph) throws(FormatError) {
    var extents = Self.needed
    for (name, shape) in index { extents[name] = shape }
    for parameter in graph.parameters where extents[parameter.name] != parameter.shape.extents {
      throw FormatError(.inconsistent, "other extents", tensor: parameter.name)
    }
    guard extents.count == graph.parameters.count else {
      throw FormatError(.inconsistent, "a tensor that nothing names")
    }
  }
}

extension JSON {
  /// A copy in which what lies at `path` is `value`, or is missing where that is null.
  fileprivate func changed(_ path: ArraySlice<JSON>, _ value: JSON) -> JSON {
    guard let key = path.first else { return value }
    let rest = path.dropFirst()
    switch self {
    case .object(var object):
      let inner = object[key.string!] ?? .null
      object[key.string!] = rest.isEmpty && value.isNull ? nil : inner.changed(rest, value)
      return .object(object)
    case .array(var elements):
      if rest.isEmpty && value.isNull {
        elements.remove(at: key.int!)
      } else if key.int! == elements.count {
        elements.append(value)
      } else {
        elements[key.int!] = elements[key.int!].changed(rest, value)
      }
      return .array(elements)
    default: return self
    }
  }
}
