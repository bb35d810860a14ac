package import Bytes

extension JSON {
  /// The member under a key, as a value of one kind; `nil` where it is missing or null.
  ///
  /// - Parameter kind: what is needed there, for messages.
  /// - Throws: `FormatError` for a member of another kind.
  package func member<Value>(
    _ key: String, _ kind: String, _ value: (JSON) -> Value?
  ) throws(FormatError) -> Value? {
    guard let member = self[key], !member.isNull else { return nil }
    guard let value = value(member) else {
      throw FormatError(.invalidField, "\(key) is \(member.excerpt), \(kind) is needed")
    }
    return value
  }

  /// The elements of the array under a key, each parsed; none where it is missing or null.
  ///
  /// - Throws: `FormatError` that names the key and the element.
  package func members<Value>(
    _ key: String, _ parse: (JSON) throws(FormatError) -> Value
  ) throws(FormatError) -> [Value] {
    var values: [Value] = []
    for (index, element) in (try member(key, "an array", \.array) ?? []).enumerated() {
      do throws(FormatError) { values.append(try parse(element)) } catch {
        throw error.within("\(key)[\(index)]")
      }
    }
    return values
  }

  /// Itself where it is an object.
  package func needingObject() throws(FormatError) -> JSON {
    guard object != nil else {
      throw FormatError(.invalidField, "\(excerpt) stands where an object is needed")
    }
    return self
  }
}
