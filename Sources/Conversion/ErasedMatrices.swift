internal import Architecture
internal import Bytes

/// The matrices of which rounding leaves nothing but zeros.
struct ErasedMatrices: Sendable {
  private var names: [Tower: [String]] = [:]
  private var counts: [Tower: Int] = [:]

  /// - Parameter isErased: whether every value of it is zero now, and not all were.
  mutating func add(_ parameter: Parameter, isErased: Bool) {
    guard parameter.role == .matrix, let tower = parameter.tower else { return }
    counts[tower, default: 0] += 1
    if isErased { names[tower, default: []].append(parameter.name) }
  }

  /// A tower of which no matrix is left.
  var tower: Tower? {
    Tower.allCases.first { counts[$0, default: 0] > 0 && names[$0]?.count == counts[$0] }
  }

  /// - Throws: `Refusal` where a tower has no matrix left: it would answer everything alike.
  func check() throws(Refusal) {
    guard let tower, let count = counts[tower] else { return }
    throw Refusal(
      "all weights of the \(tower.rawValue) tower's \(count) matrices round to zero, and nothing "
        + "is left of it; more bits a weight are needed", .nothingLeft)
  }

  /// A sentence for each tower that has lost some.
  var notes: [String] {
    Tower.allCases.compactMap { tower in
      guard let names = names[tower], let count = counts[tower] else { return nil }
      return "\(names.count) of the \(tower.rawValue) tower's \(count) matrices "
        + (names.count == 1 ? "rounds" : "round") + " to zero: \"\(names[0])\""
        + (names.count > 1 ? ", …" : "")
    }
  }
}
