import Bytes
import PackFormat
import Tensors

extension Forger {
  func place(of name: SectionName, in items: [Item]) -> Int {
    items.firstIndex { $0.name == name.rawValue }!
  }

  mutating func set(_ json: JSON, _ name: SectionName) {
    content[place(of: name, in: content)].streams[0] = Array(json.description.utf8)
  }

  mutating func exchangeTokens() throws -> String {
    let json = try content[place(of: .tokenizer, in: content)].json
    let lists = json.paths.filter { path in
      guard let list = json.value(at: path)?.array else { return false }
      return list.count > 4 && list.allSatisfy { $0.string != nil || $0.array != nil }
    }
    let path = lists[number(lists.count)]
    var list = json.value(at: path)!.array!
    let first = number(list.count)
    let second = (first + 1 + number(list.count - 1)) % list.count
    list.swapAt(first, second)
    set(json.replacing(path[...], with: .array(list)), .tokenizer)
    return "entries \(first) and \(second) of \(path) in the tokenizer are exchanged"
  }

  mutating func changeLeaf(of name: SectionName) throws -> String {
    let json = try content[place(of: name, in: content)].json
    let leaves = json.paths.filter { json.value(at: $0)?.isLeaf == true }
    let path = leaves[number(leaves.count)]
    let old = json.value(at: path)!
    set(json.replacing(path[...], with: old.changed(by: number(3) + 1)), name)
    return "\(path) of \(name.rawValue), \(old.excerpt)"
  }

  /// Two ids of a tokenizer's tables.
  mutating func exchangeIDs() -> String {
    let index = place(of: .tokenizerTables, in: content)
    let (first, second) = (number(8), 8 + number(8))
    for byte in 0..<4 { content[index].streams[0].swapAt(4 * first + byte, 4 * second + byte) }
    return "the ids of pieces \(first) and \(second) are exchanged"
  }

  mutating func removeItem() -> String {
    let index = number(content.count)
    defer { content.remove(at: index) }
    return "\(content[index].name) is gone"
  }

  mutating func changeNetwork() throws -> String {
    // The source's own words would contradict; nobody must keep them.
    content.removeAll { $0.name == SectionName.configuration.rawValue }
    return try changeLeaf(of: .network)
  }

  mutating func addItem() -> String {
    if number(2) == 0 {
      content.append(Item(name: "extra/\(number(100))", streams: [[1, 2, 3]]))
      return "a section more"
    }
    let bytes: [UInt8] = [1, 2, 3]
    let tensor = EncodedTensor(
      name: "extra/tensor", tower: nil, isModel: false, elementType: .uint8, shape: [3],
      content: .plain(.uint8, Buffer(bytes)))
    content.append(Item(name: tensor.name, tensor: tensor, streams: [bytes]))
    return "a tensor more"
  }
}
