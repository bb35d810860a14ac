internal import Architecture

/// The inputs of one run, and which rows of each register are whose.
struct Batch {
  /// How many images or texts.
  let count: Int
  /// The ids that are looked at; empty for images.
  let texts: [[Int]]
  private var packings: [Program.Rows: Packing] = [:]
  /// Of each mask whether each of its rows is visible, one text after the other.
  private(set) var visible: [[Bool]] = []

  /// - Parameters:
  ///   - texts: cut and padded as the program wants them; empty for images.
  init(count: Int, texts: [[Int]], _ program: Program) {
    self.count = count
    self.texts = texts
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
      return (0..<self.count).map { count.at(texts.isEmpty ? 0 : texts[$0].count) }
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

  /// The row that is picked of each input, within a register.
  func rows(_ pick: Operation.Pick, of rows: Program.Rows) -> [Int] {
    let packing = packing(rows)
    return (0..<count).map { input in
      switch pick {
      case .row(let row): packing.starts[input] + row
      case .last: packing.starts[input + 1] - 1
      case .token, .largest: packing.starts[input] + pick.position(in: texts[input])
      }
    }
  }
}
