internal import Bytes

/// The members of an object of a network, where every key must be known and `null` is a value like
/// any other that is not allowed.
struct Members {
  private let object: JSON.Object
  /// For messages: `network.image.steps[3]`.
  private let place: String

  /// - Parameter keys: all that may stand there; `nil` where that is checked later.
  init(_ json: JSON, _ place: String, _ keys: [String]?) throws(FormatError) {
    guard let object = json.object else {
      throw FormatError(.invalidField, "\(place) is \(json.excerpt), an object is needed")
    }
    if let keys, let unknown = object.keys.first(where: { !keys.contains($0) }) {
      throw FormatError(
        .unsupported,
        "\(place) has the key \(JSON.string(unknown).excerpt), which this program does not know: "
          + "a newer clip-pack is needed")
    }
    self.object = object
    self.place = place
  }

  func error(_ reason: String) -> FormatError {
    FormatError(.invalidField, "\(place): \(reason)")
  }

  func error(_ key: String, _ found: JSON, _ allowed: String) -> FormatError {
    FormatError(.invalidField, "\(place).\(key) is \(found.excerpt), \(allowed)")
  }

  func optional(_ key: String) -> JSON? { object[key] }

  func required(_ key: String) throws(FormatError) -> JSON {
    guard let value = object[key] else {
      throw FormatError(.invalidField, "\(place).\(key) is missing")
    }
    return value
  }

  func array(_ key: String) throws(FormatError) -> [JSON] {
    let value = try required(key)
    guard let array = value.array else { throw error(key, value, "an array is needed") }
    return array
  }

  func string(_ key: String) throws(FormatError) -> String {
    let value = try required(key)
    guard let string = value.string else { throw error(key, value, "a string is needed") }
    return string
  }

  func optionalString(_ key: String) throws(FormatError) -> String? {
    object[key] == nil ? nil : try string(key)
  }

  func whole(_ key: String) throws(FormatError) -> Int {
    let value = try required(key)
    // Wide enough for every limit, and no sum of two overflows.
    guard let whole = value.int, (-(1 << 40)...(1 << 40)).contains(whole) else {
      throw error(key, value, "a whole number is needed")
    }
    return whole
  }

  func optionalWhole(_ key: String) throws(FormatError) -> Int? {
    object[key] == nil ? nil : try whole(key)
  }

  /// A decimal, rounded to float32 once.
  func decimal(_ key: String) throws(FormatError) -> Float {
    let value = try required(key)
    guard let number = value.double, Float(number).isFinite else {
      throw error(key, value, "a number that float32 can hold is needed")
    }
    return Float(number)
  }

  func optionalDecimal(_ key: String) throws(FormatError) -> Float? {
    object[key] == nil ? nil : try decimal(key)
  }

  func optionalFlag(_ key: String) throws(FormatError) -> Bool? {
    guard let value = object[key] else { return nil }
    guard let flag = value.bool else { throw error(key, value, "true or false is needed") }
    return flag
  }

  func pair(
    _ key: String, default missing: Operation.Pair? = nil
  ) throws(FormatError) -> Operation.Pair {
    if object[key] == nil, let missing { return missing }
    let value = try required(key)
    let numbers = value.array?.compactMap(\.int) ?? []
    guard numbers.count == 2, value.array?.count == 2,
      numbers.allSatisfy({ (0...(1 << 20)).contains($0) })
    else { throw error(key, value, "two whole numbers, height and width, are needed") }
    return Operation.Pair(numbers[0], numbers[1])
  }

  func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ key: String
  ) throws(FormatError) -> Value {
    let value = try required(key)
    guard let choice = value.string.flatMap(Value.init) else {
      let names = Value.allCases.map { JSON.quoted($0.rawValue) }.joined(separator: ", ")
      throw error(key, value, "one of \(names) is needed")
    }
    return choice
  }
}
