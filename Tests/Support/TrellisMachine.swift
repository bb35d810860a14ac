/// The machine of `Formats/clippack.md`, section 5.2, as its text says.
public struct TrellisMachine {
  public private(set) var state = 0

  public init() {}

  /// What a symbol stands for.
  public func code(_ k: Int) -> Int { 2 * k + state % 2 }

  public mutating func move(_ k: Int) {
    state = (state >> 1) ^ (state % 2 == 1 ? 24 : 0) ^ (k % 2 == 0 ? 0 : 5)
  }

  /// Goes on by a code; false where the state does not allow it.
  public mutating func take(_ code: Int) -> Bool {
    guard (code - state) % 2 == 0, -127...127 ~= code else { return false }
    move((code - state % 2) / 2)
    return true
  }

  /// Codes row by row that are a path in every column, anew in each block.
  ///
  /// - Parameter symbol: gives the next symbol.
  public static func codes(
    _ count: Int, columns: Int, block: Int = .max, symbol: () -> Int
  ) -> [Int8] {
    var machines: [TrellisMachine] = []
    return (0..<count).map { index in
      if index % block == 0 {
        machines = [TrellisMachine](repeating: TrellisMachine(), count: columns)
      }
      let column = index % block % columns
      let k = symbol()
      defer { machines[column].move(k) }
      return Int8(machines[column].code(k))
    }
  }
}
