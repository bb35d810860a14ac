/// Sequences of different lengths whose rows stand one after the other in one matrix, without
/// padding.
struct Packing: Equatable, Sendable {
  /// Where each sequence begins, and after the last one, where it ends.
  let starts: [Int]

  init(lengths: [Int]) {
    var starts = [0]
    for length in lengths { starts.append(starts[starts.count - 1] + length) }
    self.starts = starts
  }

  var count: Int { starts.count - 1 }
  var rows: Int { starts[count] }

  /// One row for each sequence.
  static func singles(_ count: Int) -> Packing {
    Packing(lengths: Array(repeating: 1, count: count))
  }
}
