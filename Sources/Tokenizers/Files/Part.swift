internal import Bytes

/// One part of a `tokenizer.json`, with the place where it stands.
struct Part {
  let json: JSON
  let place: String

  init(_ json: JSON, _ place: String) {
    self.json = json
    self.place = place
  }

  func type() throws(FormatError) -> String { try string("type") }

  func string(_ member: String) throws(FormatError) -> String {
    guard let text = json[member]?.string else { throw missing(member, "a string") }
    return text
  }

  func array(_ member: String) throws(FormatError) -> [JSON] {
    guard let elements = json[member]?.array else { throw missing(member, "an array") }
    return elements
  }

  /// - Parameter default: what a member that is missing means, as in the library.
  func bool(_ member: String, or default: Bool) throws(FormatError) -> Bool {
    guard let value = json[member], !value.isNull else { return `default` }
    guard let bool = value.bool else { throw missing(member, "true or false") }
    return bool
  }

  func integer(_ member: String) throws(FormatError) -> Int {
    guard let value = json[member]?.int else { throw missing(member, "an integer") }
    return value
  }

  func number(_ member: String) throws(FormatError) -> Double {
    guard let value = json[member]?.double else { throw missing(member, "a number") }
    return value
  }

  /// An id that may be null.
  func id(_ member: String, below count: Int) throws(FormatError) -> Int32? {
    guard let value = json[member], !value.isNull else { return nil }
    guard let id = value.int, 0..<count ~= id else {
      throw FormatError(
        .invalidField,
        "\(place).\(member) is \(value.excerpt), an id from 0 to \(count - 1) is needed")
    }
    return Int32(id)
  }

  func ids(_ member: String, below count: Int) throws(FormatError) -> [Int32] {
    var ids: [Int32] = []
    for value in try array(member) {
      guard let id = value.int, 0..<count ~= id else {
        throw FormatError(
          .invalidField,
          "\(place).\(member) has \(value.excerpt), ids from 0 to \(count - 1) are needed")
      }
      ids.append(Int32(id))
    }
    return ids
  }

  /// Refuses a member that is set to anything but one value.
  func refuse(_ member: String, unless allowed: [JSON]) throws(FormatError) {
    guard let value = json[member], !allowed.contains(value) else { return }
    throw FormatError(
      .unsupported,
      "\(place).\(member) is \(value.excerpt), which is not known; "
        + allowed.map(\.excerpt).joined(separator: " or ") + " is")
  }

  func missing(_ member: String, _ wanted: String) -> FormatError {
    FormatError(.invalidField, "\(place).\(member) is missing or is not \(wanted)")
  }

  func unknown(_ type: String) -> FormatError {
    FormatError(
      .unsupported, "\(place) is of type \(JSON.string(type).excerpt), which is not known")
  }
}
