/// Rotates pairs of each head's columns by angles of the row: e·cos − o·sin, o·cos + e·sin.
///
/// - Parameters:
///   - values: `[rows, width]`.
///   - cosines, sines: tables of `[rows, width / heads / 2]` for each sequence; row `skip + t` of a
///     sequence takes row t.
///   - starts: where each sequence begins, and after the last one, where it ends.
///   - tableStarts: the same of the tables.
///   - isAdjacent: whether columns 2i and 2i + 1 of a head are a pair, or i and the one half a head
///     further.
///   - skip: the rows of a sequence that stay as they are.
public func rotate(
  _ values: inout MutableSpan<Float>, _ cosines: Span<Float>, _ sines: Span<Float>,
  starts: [Int], tableStarts: [Int], width: Int, heads: Int, isAdjacent: Bool, skip: Int
) {
  let head = width / heads
  let half = head / 2
  precondition(
    head * heads == width && half * 2 == head && values.count == starts[starts.count - 1] * width,
    "\(heads) heads in \(width) columns")
  for sequence in 0..<starts.count - 1 {
    for row in starts[sequence]
      + min(skip, starts[sequence + 1] - starts[sequence])..<starts[sequence + 1]
    {
      let table = (tableStarts[sequence] + row - starts[sequence] - skip) * half
      for first in Swift.stride(from: row * width, to: (row + 1) * width, by: head) {
        for i in 0..<half {
          let even = first + (isAdjacent ? 2 * i : i)
          let odd = even + (isAdjacent ? 1 : half)
          let (e, o) = (values[even], values[odd])
          let (cosine, sine) = (cosines[table + i], sines[table + i])
          values[even] = e * cosine - o * sine
          values[odd] = o * cosine + e * sine
        }
      }
    }
  }
}

/// Adds the gradients of a rotation's tables to those that they hold.
///
/// - Parameters:
///   - gradient: of the result, `[rows, width]`.
///   - values: what was rotated, `[rows, width]`.
///   - cosines, sines: gradients of the tables; they and all else as for `rotate`.
public func addTableGradients(
  ofRotated gradient: Span<Float>, _ values: Span<Float>, cosines: inout MutableSpan<Float>,
  sines: inout MutableSpan<Float>, starts: [Int], tableStarts: [Int], width: Int, heads: Int,
  isAdjacent: Bool, skip: Int
) {
  let head = width / heads
  let half = head / 2
  precondition(
    head * heads == width && half * 2 == head && values.count == starts[starts.count - 1] * width
      && gradient.count == values.count,
    "\(heads) heads in \(width) columns")
  for sequence in 0..<starts.count - 1 {
    let rows = starts[sequence]..<starts[sequence + 1]
    for row in rows.dropFirst(skip) {
      let table = (tableStarts[sequence] + row - starts[sequence] - skip) * half
      for first in Swift.stride(from: row * width, to: (row + 1) * width, by: head) {
        for i in 0..<half {
          let even = first + (isAdjacent ? 2 * i : i)
          let odd = even + (isAdjacent ? 1 : half)
          cosines[table + i] += gradient[even] * values[even] + gradient[odd] * values[odd]
          sines[table + i] += gradient[odd] * values[even] - gradient[even] * values[odd]
        }
      }
    }
  }
}
