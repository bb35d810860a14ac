/// Cosines and sines of rotary positions of a square map: half of a head turns by the line that a
/// patch lies in, half by the column, each at frequencies from 1 down to nearly 1/10000.
///
/// Source: `pos_embed_sincos.py` of timm 1.0.31, `build_rotary_pos_embed` with `in_pixels` false.
struct RotaryTable {
  /// Patches along an edge.
  var edge: Int
  /// A multiple of 4.
  var headWidth: Int
  /// Along how many patches an edge was cut in training: positions are stretched to it.
  var reference: Int
  /// Added to positions before that.
  var offset: Int
  /// Whether the first half turns by the column.
  var isColumnFirst: Bool

  var rows: Int { edge * edge }
  var columns: Int { headWidth / 2 }

  /// Both tables `[rows, columns]`.
  var values: (cosines: [Float], sines: [Float]) {
    let count = headWidth / 4
    let frequencies = (0..<count).map { band in
      Sinusoid.exponential(-9.210_340_371_976_184 * Double(band) / Double(count))
    }
    func position(_ place: Int) -> Double {
      Double(place + offset) / Double(edge) * Double(reference)
    }
    var (cosines, sines): ([Float], [Float]) = ([], [])
    for line in 0..<edge {
      for column in 0..<edge {
        for place in isColumnFirst ? [column, line] : [line, column] {
          for frequency in frequencies {
            let (sine, cosine) = Sinusoid.sineAndCosine(position(place) * frequency)
            sines.append(Float(sine))
            cosines.append(Float(cosine))
          }
        }
      }
    }
    return (cosines, sines)
  }
}
