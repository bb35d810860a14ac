import Bytes
import Tensors

@testable import PackFormat

extension Forger {
  mutating func changeEvidence(_ names: [String]) -> String {
    let choice = evidence.indices.filter { names.contains(evidence[$0].name) }
    let index = choice[number(choice.count)]
    let item = evidence[index]
    if item.tensor?.elementType == .float32 {
      let place = 4 * number(item.streams[0].count / 4)
      evidence[index].streams[0].changeFloat(at: place) { $0 + 0.01 }
      return "\(item.name)[\(place / 4)]"
    }
    if item.tensor?.elementType == .int32 {
      // The token after the first of some text.
      let columns = item.tensor!.columns
      let start = 4 * (columns * number(item.tensor!.rows) + 1)
      evidence[index].streams[0][start] ^= 1
      return "\(item.name)[\(start / 4)]"
    }
    // One whole picture, so that it shows.
    let size = item.tensor!.columns
    let start = size * number(item.tensor!.rows)
    for place in start..<start + size { evidence[index].streams[0][place] ^= 0x55 }
    return "picture \(start / size) of \(item.name)"
  }

  mutating func changeFloor() throws -> String {
    let index = place(of: .evidence, in: evidence)
    let json = try evidence[index].json
    let floors = [-1, 0.5, -2, 7]
    let floor = JSON.number(floors[number(floors.count)])
    evidence[index].streams[0] = Array(
      json.replacing(["min_cosine"], with: floor).description.utf8)
    return "a floor of \(floor)"
  }

  /// Says that nothing was lost.
  mutating func raiseFigures() throws -> String {
    let index = place(of: .evidence, in: evidence)
    let json = try evidence[index].json
    let keys = ["image_cosine_min", "text_cosine_min", "image_cosine_mean", "text_cosine_mean"]
    let all = (json["reached"]?.array ?? []).map { reached in
      keys.filter { reached[$0] != nil }.reduce(reached) { $0.replacing([$1], with: 1) }
    }
    evidence[index].streams[0] = Array(
      json.replacing(["reached"], with: .array(all)).description.utf8)
    return "cosines of 1 are said to be reached"
  }

  /// Says that its embeddings are another original's.
  mutating func changeSpace() throws -> String {
    let index = place(of: .provenance, in: evidence)
    let json = try evidence[index].json
    let digits = (0..<64).map { _ in String(number(16), radix: 16) }.joined()
    evidence[index].streams[0] = Array(
      json.replacing(["space"], with: .string(digits)).description.utf8)
    return "the space \(digits)"
  }

  mutating func sign() -> String {
    let signature: Signature
    let what: String
    switch number(3) {
    case 0:
      // Of order 1: R of order 1 and S of 0 are good for any message.
      signature = Signature(
        key: PublicKey([1] + [UInt8](repeating: 0, count: 31)),
        bytes: [1] + [UInt8](repeating: 0, count: 63))
      what = "a signature by a key of low order"
    case 1:
      signature = SigningKey().sign(Array("clip-pack signature 1\n".utf8))
      what = "a signature of something else"
    default:
      let key = SigningKey()
      var bytes = key.sign(signedMessage).bytes
      bytes[number(64)] ^= 1
      signature = Signature(key: key.publicKey, bytes: bytes)
      what = "a signature of which one bit is another"
    }
    attachments.append(
      Item(name: "signature/ed25519/\(signature.key)", streams: [signature.bytes]))
    return what
  }

  mutating func attach() -> String {
    switch number(3) {
    case 0:
      attachments.append(
        Item(
          name: "signature/ed25519/01" + String(repeating: "0", count: 62),
          streams: [[UInt8](repeating: 0, count: 64)]))
      return "64 zero bytes for a signature"
    case 1:
      attachments.append(Item(name: "note", streams: [[1]]))
      return "an unknown section among the attachments"
    default:
      guard let pixels = evidence.firstIndex(where: { $0.name == "evidence/pixels" }) else {
        return "nothing"
      }
      // Under the name of evidence, in its place.
      attachments.append(evidence.remove(at: pixels))
      return "pictures among the attachments"
    }
  }
}
