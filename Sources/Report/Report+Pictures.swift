internal import Architecture
internal import Bytes
internal import ClipPack
internal import Evidence
internal import PackFormat
internal import Platform
internal import Tensors
internal import Tokenizers

extension Report {
  /// Where the bytes of the file are.
  var bytes: String {
    let groups = byteGroups.filter { $0.bytes > 0 }
    let total = Double(max(groups.reduce(0) { $0 + $1.bytes }, 1))
    var (x, marks) = (0.0, "")
    for group in groups {
      let width = 590 * Double(group.bytes) / total
      marks +=
        "<rect x=\"\(decimal(x, 1))\" y=\"0\" width=\"\(decimal(max(width - 2, 0.5), 1))\" "
        + "height=\"34\" "
        + "rx=\"3\" fill=\"var(--\(group.colour))\"><title>\(group.name)</title></rect>"
      x += width
    }
    return Self.section(
      "Where the bytes are",
      Self.svg(590, 36, marks)
        + Self.legend(
          groups.map {
            (
              $0.colour,
              "\($0.name): \(decimal(Double($0.bytes) / 1e6, 2)) MB, "
                + "\(decimal(100 * Double($0.bytes) / total, 1)) %"
            )
          }))
  }

  private var byteGroups: [(name: String, bytes: Int, colour: String)] {
    let sum = { (isChosen: (PackedTensor) -> Bool) in
      pack.tensors.filter { $0.isModel && isChosen($0) }
        .reduce(0) { $0 + pack.storedSize(of: $1.name) }
    }
    let isTable = { (tensor: PackedTensor) in tensor.name.contains("token_embedding") }
    let image = sum { $0.tower == .image }
    let text = sum { $0.tower != .image && !isTable($0) }
    let table = sum(isTable)
    let evidence = pack.index.evidence.items.reduce(0) { $0 + pack.storedSize(of: $1.name) }
    return [
      ("image tower", image, "a"), ("text tower", text, "b"), ("token table", table, "e"),
      ("evidence", evidence, "c"),
      (
        "tokenizer, index, rest", pack.preamble.fileSize - image - text - table - evidence, "d"
      ),
    ]
  }

  /// Pictures with what the original and the pack take them for; those that differ most come first.
  var pictures: String {
    let original = verification.expected
    guard let probes = verification.probes, let similarity = verification.found.similarity,
      let found = verification.found.logits(similarity),
      let expected = original.logits(original.similarity ?? similarity)
    else { return "" }
    let labels = labels(probes)
    let cosines = comparison.image?.cosines ?? []
    let order = cosines.indices.sorted { cosines[$0] < cosines[$1] }.prefix(Self.pictureLimit)
    let figures = order.map { index in
      """
      <figure><img alt="probe \(index + 1)" src="\(Self.bitmap(probes, index))">
      <figcaption>probe \(index + 1), cosine \(decimal(cosines[index], 6))
      \(Self.answers(expected[index], found[index], labels))</figcaption></figure>
      """
    }
    return Self.section(
      "What they answer", "<div class=\"grid\">" + figures.joined() + "</div>",
      note: "The three texts that the original finds most fitting, with its probability and the "
        + "pack's. The pictures that differ most come first"
        + (probes.origin == "built-in"
          ? "; they are the built-in, drawn ones; your own tell more." : "."))
  }

  private static let pictureLimit = 16

  private static func answers(_ original: [Float], _ packed: [Float], _ labels: [String]) -> String
  {
    let (a, b) = (probabilities(original), probabilities(packed))
    let (first, best) = (Ranking(original).order, Ranking(packed).order[0])
    let rows = first.prefix(3).map { index in
      "<tr><td>\(escaped(labels[index]))</td><td class=\"n\">\(decimal(100 * a[index], 1)) %</td>"
        + "<td class=\"n\">\(decimal(100 * b[index], 1)) %</td></tr>"
    }
    let change =
      best == first[0]
      ? ""
      : "<p class=\"changed\">the pack says: \(escaped(labels[best])) "
        + "(\(decimal(100 * b[best], 1)) %)</p>"
    return "<table><tr><th>text</th><th class=\"n\" style=\"width:4rem\">original</th>"
      + "<th class=\"n\" style=\"width:4rem\">pack</th></tr>"
      + rows.joined() + "</table>" + change
  }

  private static func probabilities(_ logits: [Float]) -> [Double] {
    let top = logits.max() ?? 0
    let powers = logits.map { exp(Double($0 - top)) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// The texts, as the tokenizer gives them back from their ids; the ids where it cannot.
  private func labels(_ probes: Probes) -> [String] {
    probes.texts.map { ids in
      guard let tokenizer = try? model.tokenizer,
        ids.allSatisfy({ $0 >= 0 && $0 < tokenizer.count })
      else {
        return "tokens " + ids.prefix(6).map(String.init).joined(separator: " ")
          + (ids.count > 6 ? " …" : "")
      }
      let text = tokenizer.decode(ids.map(Int32.init))
      return text.isEmpty ? "(empty text)" : text.count > 60 ? text.prefix(60) + "…" : text
    }
  }

  /// The probes that came out worst.
  var worst: String {
    let rows =
      zip(["picture", "text"], [comparison.image, comparison.text]).flatMap { kind, comparison in
        let cosines = comparison?.cosines ?? []
        let names =
          kind == "text" ? verification.probes.map(labels) ?? [] : []
        return cosines.indices.sorted { cosines[$0] < cosines[$1] }.prefix(3).map { index in
          "<tr><td>\(kind) \(index + 1)</td><td>"
            + Self.escaped(index < names.count ? names[index] : "")
            + "</td><td class=\"n\">\(decimal(cosines[index], 7))</td><td class=\"n\">"
            + "\(decimal(comparison?.centredCosines[index] ?? 1, 5))</td></tr>"
        }
      }
    return Self.section(
      "Worst cases",
      "<table><tr><th>probe</th><th></th><th class=\"n\">cosine</th><th "
        + "class=\"n\">centred</th></tr>"
        + rows.joined() + "</table>")
  }

  /// A probe's picture as a data URI: an uncompressed bitmap, made smaller by whole factors.
  private static func bitmap(_ probes: Probes, _ index: Int) -> String {
    let size = probes.imageSize
    let factor = max(1, (size + 127) / 128)
    let edge = size / factor
    let rowSize = (edge * 3 + 3) / 4 * 4
    var bytes: [UInt8] = [0x42, 0x4d]
    let append = { (values: [Int], width: Int) in
      for value in values {
        for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
      }
    }
    // File size, reserved, where the pixels begin; then the header: its size, width, height
    // (bottom up), planes and bits, and six fields that uncompressed pixels do not need.
    append([54 + rowSize * edge, 0, 54, 40, edge, edge], 4)
    append([1, 24], 2)
    append([0, 0, 0, 0, 0, 0], 4)
    let start = index * size * size * 3
    for y in (0..<edge).reversed() {
      for x in 0..<edge {
        for channel in [2, 1, 0] {
          var sum = 0
          for dy in 0..<factor {
            for dx in 0..<factor {
              sum += Int(
                probes.levels[
                  start + ((y * factor + dy) * size + x * factor + dx) * 3 + channel])
            }
          }
          bytes.append(UInt8(sum / (factor * factor)))
        }
      }
      append(Array(repeating: 0, count: rowSize - edge * 3), 1)
    }
    return "data:image/bmp;base64," + Base64.encode(bytes)
  }
}
