internal import Bytes
internal import Evidence
internal import PackFormat
internal import Platform

extension Report {
  /// How far each probe's embedding is from its original, a dot each, on a logarithmic scale.
  var distributions: String {
    let rows: [(String, [Double], String)] = [
      ("image", comparison.image?.cosines ?? [], "a"),
      ("image, centred", comparison.image?.centredCosines ?? [], "a"),
      ("text", comparison.text?.cosines ?? [], "b"),
      ("text, centred", comparison.text?.centredCosines ?? [], "b"),
    ].filter { !$0.1.isEmpty }
    guard !rows.isEmpty else { return "" }
    let axis = LogAxis(from: -8, to: 0, x: 110, width: 470)
    var marks = axis.grid(height: 34 * rows.count)
    for (index, row) in rows.enumerated() {
      let y = 34 * index + 20
      marks += "<text class=\"strong\" x=\"0\" y=\"\(y + 4)\">\(row.0)</text>"
      for cosine in row.1 {
        marks +=
          "<circle cx=\"\(axis.place(1 - cosine))\" cy=\"\(y)\" r=\"5\" fill=\"var(--\(row.2))\" "
          + "fill-opacity=\".55\" stroke=\"var(--card)\"><title>cosine "
          + "\(decimal(cosine, 7))</title></circle>"
      }
    }
    let floor = axis.place(1 - verification.floor)
    marks +=
      "<line x1=\"\(floor)\" x2=\"\(floor)\" y1=\"4\" y2=\"\(34 * rows.count)\" "
      + "stroke=\"var(--bad)\" stroke-dasharray=\"4 3\"/>"
    return Self.section(
      "How near the answers are",
      "<div class=\"scroll\">" + Self.svg(590, 34 * rows.count + 24, marks) + "</div>",
      note: "1 − cosine of each probe, left is better; the dashed line is what plain cosines are "
        + "allowed. Centred: after the mean of the original embeddings, which flatters, has been "
        + "subtracted.")
  }

  /// The relative error after each stage of both towers.
  var stages: String {
    let image = comparison.imageStages ?? verification.record.imageStages
    let text = comparison.textStages ?? verification.record.textStages
    let charts = [("image tower", image, "a"), ("text tower", text, "b")].compactMap {
      $1.names.isEmpty ? nil : "<div><h3>\($0)</h3>" + Self.bars($1.names, $1.errors, $2) + "</div>"
    }
    guard !charts.isEmpty else { return "" }
    let isMeasured = comparison.imageStages != nil || comparison.textStages != nil
    return Self.section(
      "Where the error grows", "<div class=\"two\">" + charts.joined() + "</div>",
      note: "Length of the difference over length of the original, after each stage, "
        + (isMeasured ? "measured now." : "as measured when the pack was made."))
  }

  private static func bars(_ names: [String], _ values: [Double], _ colour: String) -> String {
    let top = values.filter(\.isFinite).max() ?? 0
    var marks = ""
    for (index, (name, value)) in zip(names, values).enumerated() {
      let y = 20 * index
      let width = top > 0 && value.isFinite ? 200 * value / top : 0
      marks +=
        "<text class=\"strong\" x=\"0\" y=\"\(y + 14)\">\(escaped(name))</text>"
        + "<rect x=\"90\" y=\"\(y + 3)\" width=\"\(decimal(max(width, 1), 1))\" height=\"14\" "
        + "rx=\"3\" "
        + "fill=\"var(--\(colour))\"/><text x=\"\(decimal(96 + width, 1))\" y=\"\(y + 14)\">"
        + "\(decimal(100 * value, 3)) %</text>"
    }
    return svg(370, 20 * names.count + 4, marks)
  }

  /// Rate and signal-to-noise of each tensor.
  var tensors: String {
    let coded = verification.record.tensors.filter { $0.signalToNoise != nil }
    guard !coded.isEmpty else { return "" }
    let row = { (tensor: TensorMeasure) in
      "<tr><td>\(Self.escaped(tensor.name))</td><td class=\"n\">\(decimal(tensor.bits, 2))</td>"
        + "<td class=\"n\">\(decimal(tensor.signalToNoise ?? 0, 1))</td></tr>"
    }
    let head = "<tr><th>tensor</th><th class=\"n\">bits</th><th class=\"n\">dB</th></tr>"
    let sorted = coded.sorted { ($0.signalToNoise ?? 0) < ($1.signalToNoise ?? 0) }
    return Self.section(
      "Rate and signal-to-noise of each tensor",
      scatter(coded) + "<h3>The noisiest</h3><table>" + head + sorted.prefix(8).map(row).joined()
        + "</table><details><summary>All \(coded.count)</summary><table>" + head
        + coded.map(row).joined() + "</table></details>",
      note:
        "A dot is a tensor: to the right it costs more bits a weight, upwards it is nearer to the "
        + "original. \(verification.record.tensors.count - coded.count) tensors are stored exactly "
        + "or were not measured.")
  }

  private func scatter(_ tensors: [TensorMeasure]) -> String {
    let bits = tensors.map(\.bits)
    let levels = tensors.compactMap(\.signalToNoise)
    let (left, right) = ((bits.min() ?? 0).rounded(.down), (bits.max() ?? 1).rounded(.down) + 1)
    let (low, high) = ((levels.min() ?? 0).rounded(.down) - 1, (levels.max() ?? 1).rounded(.up) + 1)
    let x = { 50 + 520 * ($0 - left) / (right - left) }
    let y = { 190 - 180 * ($0 - low) / (high - low) }
    var marks = ""
    for step in 0...4 {
      let (bit, level) = (
        left + (right - left) * Double(step) / 4, low + (high - low) * Double(step) / 4
      )
      marks +=
        "<line x1=\"50\" x2=\"570\" y1=\"\(decimal(y(level), 1))\" y2=\"\(decimal(y(level), 1))\" "
        + "stroke=\"var(--grid)\"/><text x=\"44\" y=\"\(decimal(y(level) + 4, 1))\" "
        + "text-anchor=\"end\">\(decimal(level, 0)) dB</text>"
        + "<text x=\"\(decimal(x(bit), 1))\" y=\"210\" text-anchor=\"middle\">"
        + "\(decimal(bit, 1))</text>"
    }
    for tensor in tensors {
      let isImage = tensor.name.hasPrefix("vis")
      marks +=
        "<circle cx=\"\(decimal(x(tensor.bits), 1))\" "
        + "cy=\"\(decimal(y(tensor.signalToNoise ?? 0), 1))\" "
        + "r=\"4.5\" fill=\"var(--\(isImage ? "a" : "b"))\" fill-opacity=\".7\" "
        + "stroke=\"var(--card)\"><title>\(Self.escaped(tensor.name))</title></circle>"
    }
    marks += "<text x=\"310\" y=\"228\" text-anchor=\"middle\">bits a weight</text>"
    return "<div class=\"scroll\">" + Self.svg(590, 234, marks) + "</div>"
      + Self.legend([("a", "image tower"), ("b", "text tower")])
  }

  static func legend(_ entries: [(String, String)]) -> String {
    "<ul class=\"legend\">"
      + entries.map { "<li><i style=\"background:var(--\($0))\"></i>\(escaped($1))</li>" }.joined()
      + "</ul>"
  }

  static func svg(_ width: Int, _ height: Int, _ marks: String) -> String {
    "<svg viewBox=\"0 0 \(width) \(height)\" role=\"img\">\(marks)</svg>"
  }
}

/// An axis of powers of ten.
private struct LogAxis {
  let lower: Int
  let upper: Int
  let x: Double
  let width: Double

  init(from lower: Int, to upper: Int, x: Double, width: Double) {
    (self.lower, self.upper, self.x, self.width) = (lower, upper, x, width)
  }

  /// Where a value lies; one beyond the ends, at the end, and one that is no number at the worst.
  func place(_ value: Double) -> String {
    let exponent = value.isNaN ? Double(upper) : value > 0 ? log10(value) : Double(lower)
    let clamped = min(max(exponent, Double(lower)), Double(upper))
    return decimal(x + width * (clamped - Double(lower)) / Double(upper - lower), 1)
  }

  func grid(height: Int) -> String {
    (lower...upper).map { exponent in
      let at = decimal(x + width * Double(exponent - lower) / Double(upper - lower), 1)
      let label =
        exponent == 0 ? "1" : exponent == lower ? "≤10⁻⁸" : "10\(Self.superscript(exponent))"
      return "<line x1=\"\(at)\" x2=\"\(at)\" y1=\"4\" y2=\"\(height)\" stroke=\"var(--grid)\"/>"
        + "<text x=\"\(at)\" y=\"\(height + 16)\" text-anchor=\"middle\">\(label)</text>"
    }.joined()
  }

  private static func superscript(_ exponent: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    return (exponent < 0 ? "⁻" : "") + String(digits[abs(exponent) % 10])
  }
}
