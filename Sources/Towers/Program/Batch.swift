internal import Architecture

/// The inputs of one run, and which rows of each register are whose.
struct Batch {
  /// How many images or texts.
  let count: Int
  /// The ids that are looked at; empty for images.
  let texts: [[Int]]
  /// Of texts that are computed together where they begin alike; `nil` where each has its own rows.
  let shared: SharedRows?
  private var packings: [Program.Rows: Packing] = [:]
  /// Of each mask whether each of its rows is visible, one text after the other.
  private(set) var visible: [[Bool]] = []

  /// - Parameters:
  ///   - texts: cut and padded as the program wants them, those that begin alike side by side;
  ///     empty for images.
  init(count: Int, texts: [[Int]], _ program: Program) {
    self.count = count
    self.texts = texts
    shared = program.sharesBeginnings ? SharedRows(texts) : nil
    visible = program.masks.map { mask in
      texts.flatMap { ids in
        Array(repeating: true, count: mask.before) + ids.map { $0 != mask.hidden }
          + Array(repeating: true, count: mask.after)
      }
    }
    for register in program.registers where packings[register.rows] == nil {
      packings[register.rows] = Packing(lengths: lengths(of: register.rows, program))
    }
  }

  private func lengths(of rows: Program.Rows, _ program: Program) -> [Int] {
    switch rows {
    case .all(let count):
      return (0..<self.count).map {
        count.at(texts.isEmpty ? 0 : texts[$0].count - (shared?.depths[$0] ?? 0))
      }
    case .visible(let mask):
      let whole = Packing(lengths: lengths(of: .all(program.masks[mask].rows), program))
      return (0..<count).map { input in
        (whole.starts[input]..<whole.starts[input + 1]).count { visible[mask][$0] }
      }
    }
  }

  /// Which rows of a register are of which input.
  func packing(_ rows: Program.Rows) -> Packing {
    guard let packing = packings[rows] else { preconditionFailure("no register has \(rows)") }
    return packing
  }

  /// The ids that are looked up for an input, and at which position its first one stands: all, or
  /// those of its own rows.
  func owned(_ input: Int) -> (ids: ArraySlice<Int>, depth: Int) {
    let depth = shared?.depths[input] ?? 0
    return (texts[input][depth...], depth)
  }

  /// All rows of a register that belong to an input, its own or not: where they begin and end in a
  /// list of rows, or in the register itself where there is none.
  func path(_ rows: Program.Rows) -> (starts: [Int], rows: [Int]?) {
    guard let shared, case .all(let count) = rows, count.hasTokens else {
      return (packing(rows).starts, nil)
    }
    return (shared.paths.starts, shared.rows)
  }

  /// The row that is picked of each input, within a register.
  func rows(_ pick: Operation.Pick, of rows: Program.Rows) -> [Int] {
    let (starts, path) = path(rows)
    return (0..<count).map { input in
      let row =
        switch pick {
        case .row(let row): starts[input] + row
        case .last: starts[input + 1] - 1
        case .token, .largest: starts[input] + pick.position(in: texts[input])
        }
      return path?[row] ?? row
    }
  }
}
