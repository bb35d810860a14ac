internal import Bytes
internal import Tensors

/// Two sets of tensors of one model, under two prefixes: weights and their average, for example.
enum Copies {
  /// What names end with that a CLIP has once.
  private static let anchors = [
    "patch_embedding.weight", "visual.conv1.weight", "token_embedding.weight", "logit_scale",
  ]

  /// - Throws: where two sets differ, naming both.
  /// - Returns: a note where two are the same.
  static func check(_ shards: Shards) throws(FormatError) -> String? {
    let names = shards.locations.keys.sorted()
    for anchor in anchors {
      let ends = names.filter { $0 == anchor || $0.hasSuffix("." + anchor) }
      for (index, first) in ends.enumerated() {
        for second in ends[..<index] {
          let (a, b) = prefixes(first, second)
          guard let same = areSame(a, b, names, shards) else { continue }
          guard same else {
            throw FormatError(
              .inconsistent,
              "holds two sets of tensors that differ, under \(JSON.quoted(b)) and under "
                + "\(JSON.quoted(a)); save the one to use alone")
          }
          return "the tensors under \(JSON.quoted(b)) and \(JSON.quoted(a)) are the same"
        }
      }
    }
    return nil
  }

  /// What two names begin with before their last parts that are the same.
  private static func prefixes(_ first: String, _ second: String) -> (String, String) {
    var (a, b) = (first.split(separator: "."), second.split(separator: "."))
    while let last = a.last, last == b.last {
      a.removeLast()
      b.removeLast()
    }
    func prefix(_ parts: [Substring]) -> String { parts.map { $0 + "." }.joined() }
    return (prefix(a), prefix(b))
  }

  /// Whether what lies under two prefixes is the same; `nil` where it is not two of one model.
  private static func areSame(
    _ a: String, _ b: String, _ names: [String], _ shards: Shards
  ) -> Bool? {
    func under(_ prefix: String) -> Set<String> {
      Set(names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.utf8.count)) })
    }
    let (first, second) = (under(a), under(b))
    let smaller = min(first.count, second.count)
    let both = first.intersection(second)
    guard smaller >= 4, both.count * 10 >= smaller * 9 else { return nil }
    guard both.count == smaller else { return false }
    return both.allSatisfy { holdSame(a + $0, b + $0, shards) }
  }

  /// Whether two tensors are the same, element for element.
  static func holdSame(_ one: String, _ other: String, _ shards: Shards) -> Bool {
    guard let x = shards.entry(one), let y = shards.entry(other),
      x.entry.elementType == y.entry.elementType, x.entry.shape == y.entry.shape
    else { return false }
    let (one, other) = (x.file.tensor(x.entry).buffer, y.file.tensor(y.entry).buffer)
    defer {
      x.file.release(x.entry, 0..<x.entry.byteCount)
      y.file.release(y.entry, 0..<y.entry.byteCount)
    }
    return one.holdsSame(as: other)
  }
}

extension Buffer {
  fileprivate func holdsSame(as other: Buffer) -> Bool {
    unsafe bytes.withUnsafeBytes { one in
      unsafe other.bytes.withUnsafeBytes { unsafe one.elementsEqual($0) }
    }
  }
}

extension Shards {
  fileprivate func entry(_ name: String) -> (file: any TensorFile, entry: TensorEntry)? {
    guard let number = locations[name], let entry = files[number].tensors.entry(named: name) else {
      return nil
    }
    return (files[number].tensors, entry)
  }
}
