internal import Platform

/// Writes to the arrays that C passes to be filled.
enum Outputs {
  /// Fills rows of one width.
  static func fill(
    _ output: UnsafeMutablePointer<Float>?, _ name: String, _ rows: [[Float]]
  ) throws {
    guard !rows.isEmpty else { return }
    let output = unsafe try Inputs.unwrap(output, name)
    for (index, row) in rows.enumerated() {
      unsafe (output + index * row.count).update(from: row, count: row.count)
    }
  }

  /// Fills rows of which some may be missing: those become NaN, and their status says why, or the
  /// first fails the call where there is no array of status.
  static func fill(
    _ output: UnsafeMutablePointer<Float>?, _ name: String, width: Int,
    _ status: UnsafeMutablePointer<Int32>?, _ results: [Result<[Float], any Error>]
  ) throws {
    var rows: [[Float]] = []
    let messages = Messages.ofThread
    for (index, result) in results.enumerated() {
      switch result {
      case .success(let row):
        rows.append(row)
        unsafe status?[index] = Status.ok
      case .failure(let error):
        guard let status = unsafe status else { throw ItemError(index: index, error: error) }
        rows.append(Array(repeating: .nan, count: width))
        unsafe status[index] = Status.of(error)
        messages.items[index] = CString("\(error)")
      }
    }
    unsafe try fill(output, name, rows)
  }

  /// Says which texts were cut off.
  static func fill(_ cut: UnsafeMutablePointer<Int32>?, _ flags: [Bool]) {
    guard let cut = unsafe cut else { return }
    for (index, flag) in flags.enumerated() { unsafe cut[index] = flag ? 1 : 0 }
  }

  /// A text that C frees.
  static func report(_ text: String) -> UnsafeMutablePointer<CChar>? { unsafe strdup(text) }
}

/// The error of an item where it fails the whole call.
struct ItemError: Error, CustomStringConvertible {
  let index: Int
  let error: any Error

  var description: String { "picture \(index): \(error)" }
}
