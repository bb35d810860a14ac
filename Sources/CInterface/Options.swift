internal import Bytes
internal import Concurrency
internal import Kernels
internal import SystemPackage

/// The options of a call, a JSON object of known keys.
struct Options {
  private let members: JSON.Object

  init(_ text: String?, allowing keys: [String]) throws {
    let json: JSON
    do throws(FormatError) { json = try JSON(parsing: text ?? "{}") } catch {
      throw ArgumentError("options: \(error)")
    }
    guard let object = json.object else {
      throw ArgumentError("options is \(json.excerpt), an object is needed")
    }
    if let odd = object.keys.first(where: { !keys.contains($0) }) {
      throw ArgumentError(
        "there is no option \(JSON.quoted(odd)), there are " + keys.joined(separator: ", "))
    }
    members = object
  }

  /// The value of a key by one of the accessors of `JSON`; `nil` where it is not there or null.
  func value<Value>(
    _ key: String, _ kind: String, _ read: (JSON) -> Value?
  ) throws -> Value? {
    guard let json = members[key], !json.isNull else { return nil }
    guard let value = read(json) else {
      throw ArgumentError("option \"\(key)\" is \(json.excerpt), \(kind) is needed")
    }
    return value
  }

  func string(_ key: String) throws -> String? { try value(key, "a string", \.string) }
  func path(_ key: String) throws -> FilePath? { try string(key).map { FilePath($0) } }
  func flag(_ key: String) throws -> Bool? { try value(key, "true or false", \.bool) }
  func number(_ key: String) throws -> Double? { try value(key, "a number", \.double) }
  func natural(_ key: String) throws -> Int? {
    try value(key, "a whole number from 0", \.natural)
  }

  func strings(_ key: String) throws -> [String]? {
    try value(key, "an array of strings") { json in
      guard let array = json.array else { return nil }
      let strings = array.compactMap(\.string)
      return strings.count == array.count ? strings : nil
    }
  }

  func one<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, of _: Choice.Type
  ) throws -> Choice? {
    guard let name = try string(key) else { return nil }
    guard let choice = Choice(rawValue: name) else {
      throw ArgumentError(
        "option \"\(key)\" is \(JSON.quoted(name)), allowed are "
          + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }

  var pool: WorkerPool {
    get throws {
      WorkerPool(
        threads: try natural("threads").map { try Self.checked(threads: $0) }
          ?? WorkerPool.processors)
    }
  }

  static func checked(threads: Int) throws -> Int {
    guard 1...1024 ~= threads else {
      throw ArgumentError("threads is \(threads), 1 to 1024 are allowed")
    }
    return threads
  }

  static func compute(named name: String) throws -> Compute {
    guard let compute = Compute(rawValue: name) else {
      throw ArgumentError(
        "compute is \(JSON.quoted(name)), allowed are "
          + Compute.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return compute
  }
}
