public import Bytes

/// The section `provenance` of a pack: what it was made of.
///
/// Specification: `Formats/clippack.md`, section 7.2; the names are the same.
public struct ProvenanceDocument: Equatable, Sendable {
  /// Name and version of the writer; `nil` where it did not say.
  public var tool: String?
  /// The files of weights, and behind them an adapter.
  public var files: [File]
  /// What the original's embeddings follow from (section 7.4), as it stands there.
  public var space: String?
  /// The name of the index of shards; of the restored one, where files are restored.
  public var index: String?
  /// What no file of the source said, a sentence each.
  public var assumptions: [String]

  public struct File: Equatable, Sendable {
    /// For people; the bytes that are not UTF-8 are U+FFFD each.
    public var name: String
    /// What the system has, of a name that is not UTF-8.
    public var nameBytes: [UInt8]?
    public var size: Int
    /// 64 hexadecimal digits.
    public var sha256: String
    /// For each tensor of the file, in the order of its bytes, what it is made of; `nil` where the
    /// file cannot be restored.
    public var tensors: [Parts]?
    /// Of the restored file, where it has another.
    public var restoredName: String?
    public var restoredSize: Int?
    /// `nil` for one of the model's own.
    public var role: Role?

    /// What a file is that is not the model's own.
    public enum Role: String, Sendable {
      /// It was merged into the weights of the others.
      case adapter
      /// A second source, from which the text tower was taken.
      case textTower = "text_tower"
    }

    public init(name: String, size: Int, sha256: String, role: Role? = nil) {
      self.name = name
      self.size = size
      self.sha256 = sha256
      self.role = role
    }
  }

  /// The tensors of the pack that a tensor of the source is made of.
  public enum Parts: Equatable, Sendable {
    /// The rows of one after those of the other.
    case inOrder([String])
    /// Column by column.
    case transposed(String)

    public var names: [String] {
      switch self {
      case .inOrder(let names): names
      case .transposed(let name): [name]
      }
    }
  }

  public init(
    tool: String?, files: [File], space: String?, index: String?, assumptions: [String]
  ) {
    self.tool = tool
    self.files = files
    self.space = space
    self.index = index
    self.assumptions = assumptions
  }

  public var json: JSON {
    var object = JSON.Object()
    object["tool"] = tool.map(JSON.string)
    object["files"] = .array(files.map(\.json))
    object["space"] = space.map(JSON.string)
    object["index"] = index.map(JSON.string)
    object["assumptions"] = .array(assumptions.map(JSON.string))
    return .object(object)
  }

  /// - Throws: `FormatError` for a member of another kind, and for a file without name, size or
  ///   digest; other members that are missing are `nil` or empty.
  public init(parsing json: JSON) throws(FormatError) {
    let json = try json.needingObject()
    self.init(
      tool: try json.member("tool", "a string", \.string),
      files: try json.members("files") { (json) throws(FormatError) in try File(parsing: json) },
      space: try json.member("space", "a string", \.string),
      index: try json.member("index", "a string", \.string),
      assumptions: try json.members("assumptions") { (json) throws(FormatError) in
        guard let text = json.string else {
          throw FormatError(.invalidField, "\(json.excerpt) stands where a string is needed")
        }
        return text
      })
  }
}

extension ProvenanceDocument.File {
  fileprivate var json: JSON {
    let member: (String, JSON) =
      nameBytes.map { ("name_base64", .string(Base64.encode($0))) } ?? ("name", .string(name))
    var object: JSON.Object = [member.0: member.1]
    object["size"] = .integer(size)
    object["sha256"] = .string(sha256)
    object["tensors"] = tensors.map { .array($0.map(\.json)) }
    object["restored_as"] = restoredName.map(JSON.string)
    object["restored_size"] = restoredSize.map(JSON.integer)
    object["role"] = role.map { .string($0.rawValue) }
    return .object(object)
  }

  fileprivate init(parsing json: JSON) throws(FormatError) {
    var name = try json.member("name", "a string", \.string)
    var nameBytes: [UInt8]?
    if let text = try json.member("name_base64", "a string", \.string) {
      do throws(FormatError) { nameBytes = try Base64.decode(Array(text.utf8)) } catch {
        throw error.within("name_base64")
      }
      name = nameBytes.map { String(decoding: $0, as: UTF8.self) }
    }
    guard let name,
      let size = try json.member("size", "a size", \.natural),
      let sha256 = try json.member("sha256", "a string", \.string)
    else { throw FormatError(.invalidField, "it lacks one of name, size and sha256") }
    self.init(
      name: name, size: size, sha256: sha256,
      role: try json.member("role", "a string", \.string).flatMap(Role.init(rawValue:)))
    self.nameBytes = nameBytes
    if json["tensors"] != nil {
      tensors = try json.members("tensors") { (json) throws(FormatError) in
        try ProvenanceDocument.Parts(parsing: json)
      }
    }
    restoredName = try json.member("restored_as", "a string", \.string)
    restoredSize = try json.member("restored_size", "a size", \.natural)
  }
}

extension ProvenanceDocument.Parts {
  fileprivate var json: JSON {
    switch self {
    case .inOrder(let names): .array(names.map(JSON.string))
    case .transposed(let name): ["transposed": .string(name)]
    }
  }

  fileprivate init(parsing json: JSON) throws(FormatError) {
    if let name = json["transposed"]?.string {
      self = .transposed(name)
      return
    }
    guard let names = json.array?.compactMap(\.string), !names.isEmpty,
      names.count == json.array?.count
    else { throw FormatError(.invalidField, "\(json.excerpt) names no tensors") }
    self = .inOrder(names)
  }
}

extension Pack {
  /// What its section `provenance` says; `nil` for a pack without one.
  public func provenanceDocument() throws(FormatError) -> ProvenanceDocument? {
    guard let json = try json(.provenance) else { return nil }
    do throws(FormatError) { return try ProvenanceDocument(parsing: json) } catch {
      throw error.within("section \"provenance\"")
    }
  }
}
