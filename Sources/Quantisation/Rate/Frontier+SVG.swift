internal import Bytes
internal import Evidence
internal import Kernels
internal import Platform

extension Frontier {
  /// The loss, 1 − cosine, against the size of the pack: mean and worst of each tower.
  public var svg: String {
    let (width, height) = (720.0, 420.0)
    let curves = self.curves
    let losses = curves.flatMap { $0.points.map(\.loss) }
    let sizes = points.map { Double($0.packBytes) / 1e6 }
    guard let low = losses.min(), let high = losses.max(), let small = sizes.min(),
      let large = sizes.max()
    else { return "<svg xmlns=\"http://www.w3.org/2000/svg\"/>" }
    // Whole decades of loss, so that lines of the grid have round names.
    let bottom = (Reproducible.log2(low) / Reproducible.log2(10)).rounded(.down)
    let top = max((Reproducible.log2(high) / Reproducible.log2(10)).rounded(.up), bottom + 1)
    func x(_ megabytes: Double) -> Double {
      70 + (width - 100) * (megabytes - small) / max(large - small, 1e-9)
    }
    func y(_ loss: Double) -> Double {
      let share = (Reproducible.log2(loss) / Reproducible.log2(10) - bottom) / (top - bottom)
      return height - 60 - (height - 100) * share
    }
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 420\" "
        + "font-family=\"sans-serif\" font-size=\"12\">",
      "<rect width=\"720\" height=\"420\" fill=\"#fff\"/>",
    ]
    for decade in Int(saturating: bottom)...Int(saturating: top) {
      let line = y(exp2(Double(decade) * Reproducible.log2(10)))
      parts.append(
        "<path d=\"M70 \(line)H690\" stroke=\"#ddd\"/>"
          + "<text x=\"64\" y=\"\(line + 4)\" text-anchor=\"end\">1e\(decade)</text>")
    }
    for (point, size) in zip(points, sizes) {
      parts.append(
        "<text x=\"\(x(size))\" y=\"378\" "
          + "text-anchor=\"middle\">\(decimal(size, size < 10 ? 1 : 0))"
          + "</text><text x=\"\(x(size))\" y=\"394\" text-anchor=\"middle\" fill=\"#888\">"
          + "\(decimal(point.bitsPerWeight, 1))</text>")
    }
    parts.append(
      "<text x=\"380\" y=\"412\" text-anchor=\"middle\">MB (below: bits a weight)</text>"
        + "<text x=\"70\" y=\"22\">1 − cosine to the original, lower is better</text>")
    for (number, curve) in curves.enumerated() {
      let places = curve.points.map { "\(x($0.megabytes)) \(y($0.loss))" }
      let dashes = curve.isWorst ? " stroke-dasharray=\"4 4\"" : ""
      parts.append(
        "<path d=\"M\(places.joined(separator: "L"))\" fill=\"none\" stroke=\"\(curve.colour)\" "
          + "stroke-width=\"2\"\(dashes)/><text x=\"\(390 + 80 * number)\" y=\"22\" "
          + "fill=\"\(curve.colour)\">\(curve.name)</text>")
    }
    return parts.joined(separator: "\n") + "\n</svg>\n"
  }

  private struct Curve {
    var name: String
    var colour: String
    var isWorst: Bool
    var points: [(megabytes: Double, loss: Double)]
  }

  private var curves: [Curve] {
    let kinds: [(String, String, Bool, (Comparison) -> Double?)] = [
      ("image", "#1864ab", false, { $0.image?.cosineMean }),
      ("worst", "#1864ab", true, { $0.image?.cosineMinimum }),
      ("text", "#d9480f", false, { $0.text?.cosineMean }),
      ("worst", "#d9480f", true, { $0.text?.cosineMinimum }),
    ]
    return kinds.compactMap { name, colour, isWorst, cosine in
      // A pack whose embeddings are no numbers has no place in the drawing.
      let found = points.compactMap { point in
        cosine(point.agreement).flatMap { cosine in
          cosine.isFinite
            ? (megabytes: Double(point.packBytes) / 1e6, loss: max(1 - cosine, 1e-9)) : nil
        }
      }
      return found.isEmpty
        ? nil : Curve(name: name, colour: colour, isWorst: isWorst, points: found)
    }
  }
}
