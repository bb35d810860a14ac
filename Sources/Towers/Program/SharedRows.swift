/// The rows of texts that begin alike, each of which is computed once: a tree of tokens.
///
/// Each text owns the rows behind the beginning that it has in common with the text before it. The
/// others lie among the rows of texts further up.
struct SharedRows {
  /// Of each text how many of its first rows belong to others.
  let depths: [Int]
  /// Which rows each text owns, in the order of the texts.
  let owned: Packing
  /// Where the rows of each text begin in `rows`.
  let paths: Packing
  /// The rows of each text, its own and those before them.
  let rows: [Int]

  init(_ texts: [[Int]]) {
    var depths: [Int] = []
    for (index, ids) in texts.enumerated() {
      depths.append(index == 0 ? 0 : Self.commonBeginning(texts[index - 1], ids))
    }
    let owned = Packing(lengths: zip(texts, depths).map { $0.count - $1 })
    var rows: [Int] = []
    var last = 0
    for (index, depth) in depths.enumerated() {
      let start = rows.count
      rows += rows[last..<last + depth]
      rows += owned.starts[index]..<owned.starts[index + 1]
      last = start
    }
    self.depths = depths
    self.owned = owned
    paths = Packing(lengths: texts.map(\.count))
    self.rows = rows
  }

  /// How many elements two sequences have in common from the first on.
  static func commonBeginning(_ a: [Int], _ b: [Int]) -> Int {
    zip(a, b).prefix { $0 == $1 }.count
  }
}
