internal import Bytes

/// The members of a JSON object, read with the key, what was found and what is allowed in every
/// error. A member that is `null` counts as missing, as transformers has it.
struct Fields {
  let object: JSON.Object
  /// What stands before the key in a message, for example `vision_config.`.
  let path: String

  init(_ object: JSON.Object, at path: String = "") {
    self.object = object
    self.path = path
  }

  /// - Parameter name: how a message calls the value.
  init(_ json: JSON, _ name: String, at path: String = "") throws(FormatError) {
    guard let object = json.object else {
      throw FormatError(.invalidField, "\(name) is \(json.excerpt), an object is required")
    }
    self.init(object, at: path)
  }

  subscript(key: String) -> JSON? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  func error(_ key: String, _ found: JSON, _ allowed: String) -> FormatError {
    FormatError(.invalidField, "\(path)\(key) is \(found.excerpt), \(allowed)")
  }

  /// The object under a key; empty when it is missing.
  func object(_ key: String) throws(FormatError) -> Fields {
    guard let json = self[key] else { return Fields(.init(), at: path + key + ".") }
    return try Fields(json, path + key, at: path + key + ".")
  }

  /// - Parameter missing: what a missing key stands for; `nil` when the key is required.
  func whole(
    _ key: String, _ allowed: ClosedRange<Int>, default missing: Int?
  ) throws(FormatError) -> Int {
    guard let json = self[key] else { return try required(key, missing) }
    return try whole(json, key, allowed)
  }

  func whole(
    _ json: JSON, _ key: String, _ allowed: ClosedRange<Int>
  ) throws(FormatError) -> Int {
    guard let value = json.int, allowed.contains(value) else {
      let (least, most) = (allowed.lowerBound, allowed.upperBound)
      throw error(
        key, json,
        least == most
          ? "only \(least) is allowed" : "a whole number from \(least) to \(most) is allowed")
    }
    return value
  }

  /// A list of whole numbers; `nil` when the key is missing.
  func wholes(_ key: String, _ allowed: ClosedRange<Int>) throws(FormatError) -> [Int]? {
    guard let json = self[key] else { return nil }
    guard let list = json.array else {
      throw error(key, json, "a list of whole numbers is allowed")
    }
    var values: [Int] = []
    for element in list { values.append(try whole(element, key, allowed)) }
    return values
  }

  /// One edge of a square: a number, or two that are equal.
  func edge(
    _ key: String, _ allowed: ClosedRange<Int>, default missing: Int?
  ) throws(FormatError) -> Int {
    guard let pair = self[key]?.array else { return try whole(key, allowed, default: missing) }
    guard pair.count == 2, pair[0] == pair[1] else {
      throw error(key, .array(pair), "one number or two equal ones are allowed")
    }
    return try whole(pair[0], key, allowed)
  }

  func number(
    _ key: String, _ allowed: ClosedRange<Double>, default missing: Double?
  ) throws(FormatError) -> Double {
    guard let json = self[key] else { return try required(key, missing) }
    guard let value = json.double, allowed.contains(value) else {
      throw error(
        key, json, "a number from \(allowed.lowerBound) to \(allowed.upperBound) is allowed")
    }
    return value
  }

  /// Three numbers, or one that stands for all three.
  func channels(
    _ key: String, _ allowed: ClosedRange<Double>, default missing: [Double]
  ) throws(FormatError) -> [Double] {
    guard let json = self[key] else { return missing }
    let values = json.double.map { [$0, $0, $0] } ?? json.array?.compactMap(\.double) ?? []
    guard values.count == 3, json.array.map({ $0.count == 3 }) ?? true,
      values.allSatisfy(allowed.contains)
    else {
      throw error(
        key, json, "3 numbers from \(allowed.lowerBound) to \(allowed.upperBound) are allowed")
    }
    return values
  }

  func flag(_ key: String, default missing: Bool) throws(FormatError) -> Bool {
    guard let json = self[key] else { return missing }
    guard let value = json.bool else { throw error(key, json, "true or false is allowed") }
    return value
  }

  /// One of the values of an enumeration, by name.
  func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ key: String, default missing: Value
  ) throws(FormatError) -> Value {
    guard let json = self[key] else { return missing }
    guard let value = json.string.flatMap(Value.init) else {
      let names = Value.allCases.map { JSON.quoted($0.rawValue) }.joined(separator: " or ")
      throw error(key, json, "\(names) is allowed")
    }
    return value
  }

  /// Refuses a switch that asks for a model of another kind.
  ///
  /// - Parameter harmless: what may stand there besides nothing.
  func refuse(_ key: String, unless harmless: [JSON] = []) throws(FormatError) {
    guard let json = self[key], !harmless.contains(json) else { return }
    let allowed =
      harmless.isEmpty
      ? "no such key" : "only " + harmless.map(\.excerpt).joined(separator: " or ")
    throw unsupported(key, allowed)
  }

  /// Refuses every key that is not known.
  func refuseOthers(than known: Set<String>) throws(FormatError) {
    for key in object.keys where !known.contains(key) && self[key] != nil {
      throw unsupported(key, "no such key")
    }
  }

  /// What stands under a key is of a kind that the program does not have.
  ///
  /// - Parameter allowed: for example: `only "linear"`.
  func unsupported(_ key: String, _ allowed: String) -> FormatError {
    FormatError(
      .unsupported,
      "\(path)\(key) is \(self[key]?.excerpt ?? "missing"), \(allowed) is supported")
  }

  private func required<Value>(_ key: String, _ missing: Value?) throws(FormatError) -> Value {
    guard let missing else { throw FormatError(.invalidField, "\(path)\(key) is missing") }
    return missing
  }
}
