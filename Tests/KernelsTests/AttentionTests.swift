import Concurrency
import Kernels
import Testing

@Suite("attention")
struct AttentionTests {
  static let pool = WorkerPool(threads: 2)

  @Test(arguments: InstructionSet.available, counts)
  func `softmax sums to 1 and is the formula's, the same bits everywhere`(
    isa: InstructionSet, width: Int
  ) {
    let x = normals(2 * width, seed: 11, scale: 8)
    func run(_ isa: InstructionSet) -> [Float] {
      let (result, isSpared) = sparesSurroundings(2 * width, canary: Float(1e30)) { span in
        span.fill(from: x)
        softmax(&span, width: width, scale: 0.5, using: isa)
      }
      #expect(isSpared)
      return result
    }
    let found = run(isa)
    #expect(found == run(.scalar))
    for row in 0..<2 {
      let own = row * width..<(row + 1) * width
      #expect(abs(found[own].reduce(0, +) - 1) <= 1e-5)
      let most = x[own].max()!
      let powers = x[own].map { Self.exponential(0.5 * Double($0 - most)) }
      let sum = powers.reduce(0, +)
      for (index, power) in zip(own, powers) {
        let exact = Float(power / sum)
        #expect(abs(found[index] - exact) <= 3e-5 * exact)
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `softmax neither overflows nor loses what is far below`(isa: InstructionSet) {
    var x: [Float] = [1e30, 1e30, 0, -1e30]
    var span = x.mutableSpan
    softmax(&span, width: 4, using: isa)
    #expect(x == [0.5, 0.5, 0, 0])
  }

  @Test(arguments: [1, 2, 3, 4, 5, 16, 17, 31, 33, 77], [1, 5, 16, 20, 33, 64])
  func `equals the plain formula for any number of tokens and any width`(tokens: Int, head: Int) {
    for isCausal in [false, true] { compare([tokens, 3], head: head, isCausal: isCausal) }
  }

  @Test(arguments: InstructionSet.available)
  func `one query a sequence sees all its keys and no others`(isa: InstructionSet) {
    let (width, heads) = (24, 3)
    let keyStarts = [0, 5, 6, 40]
    let (k, v) = (normals(40 * width, seed: 12), normals(40 * width, seed: 13))
    let q = normals(3 * width, seed: 14)
    var output = [Float](repeating: 0, count: 3 * width)
    var span = output.mutableSpan
    attention(
      q.span, k.span, v.span, queryStarts: [0, 1, 2, 3], keyStarts: keyStarts, width: width,
      heads: heads, isCausal: false, into: &span, on: Self.pool, using: isa)
    let expected = plain(
      q, k, v, queryStarts: [0, 1, 2, 3], keyStarts: keyStarts, width: width, heads: heads,
      isCausal: false)
    #expect(largestDifference(output, expected) <= 1e-5)
  }

  @Test(arguments: InstructionSet.available, Compute.allCases)
  func `the last queries of a sequence get the same bits, wherever their keys lie`(
    isa: InstructionSet, compute: Compute
  ) {
    let (width, heads) = (66, 2)
    // Two sequences of 17 and of 40 keys, of which the second has 9 in common with the first.
    let (lengths, common) = ([17, 40], 9)
    let rows = Array(0..<17) + (0..<common) + (17..<17 + 40 - common)
    let count = 17 + 40 - common
    let (q, k) = (normals(count * width, seed: 18), normals(count * width, seed: 19))
    let v = normals(count * width, seed: 20)
    func attended(_ queryStarts: [Int], _ q: [Float], _ k: [Float], _ v: [Float], _ rows: [Int]?)
      -> [Float]
    {
      var output = [Float](repeating: 0, count: q.count)
      var span = output.mutableSpan
      attention(
        q.span, k.span, v.span, queryStarts: queryStarts, keyStarts: [0, 17, 57], keyRows: rows,
        width: width, heads: heads, isCausal: true, in: compute, into: &span, on: Self.pool,
        using: isa)
      return output
    }
    func gathered(_ x: [Float]) -> [Float] {
      rows.flatMap { x[$0 * width..<($0 + 1) * width] }
    }
    let whole = attended([0, 17, 57], gathered(q), gathered(k), gathered(v), nil)
    let shared = attended([0, 17, count], q, k, v, rows)
    let second = (lengths[0] + common) * width
    #expect(shared[..<(17 * width)] == whole[..<(17 * width)])
    #expect(shared[(17 * width)...] == whole[second...])
    let own = attended([0, 17, count], q, gathered(k), gathered(v), nil)
    #expect(own == shared)
  }

  @Test(arguments: InstructionSet.available, Compute.allCases)
  func `what a query does not see changes nothing`(isa: InstructionSet, compute: Compute) {
    let (tokens, width) = (21, 32)
    let count = tokens * width
    let q = normals(count, seed: 21)
    var (k, v) = (normals(count, seed: 22), normals(count, seed: 23))
    func attended() -> [Float] {
      var output = [Float](repeating: 0, count: count)
      var span = output.mutableSpan
      attention(
        q.span, k.span, v.span, queryStarts: [0, tokens], keyStarts: [0, tokens], width: width,
        heads: 1, isCausal: true, in: compute, into: &span, on: Self.pool, using: isa)
      return output
    }
    let before = attended()
    for column in 0..<width {
      k[(tokens - 1) * width + column] = 1000
      // Products with no share are added in the others, and 0 · NaN is none.
      v[(tokens - 1) * width + column] = compute == .int8 ? .nan : 1000
    }
    let after = attended()
    let last = (tokens - 1) * width
    let isUnchanged = after[..<last] == before[..<last]
    #expect(isUnchanged)
    let isReached = after[last...].allSatisfy { compute != .int8 || $0.isNaN }
    #expect(isReached)
  }

  @Test(arguments: InstructionSet.available, [Float.nan, .infinity])
  func `what is no number is seen in every query that it reaches`(
    isa: InstructionSet, value: Float
  ) {
    let (tokens, width) = (19, 20)
    let count = tokens * width
    for place in 0..<3 {
      var all = (0..<3).map { normals(count, seed: 24 + UInt64($0)) }
      all[place][7 * width + 3] = value
      let (q, k, v) = (all[0], all[1], all[2])
      var output = [Float](repeating: 0, count: count)
      var span = output.mutableSpan
      attention(
        q.span, k.span, v.span, queryStarts: [0, tokens], keyStarts: [0, tokens], width: width,
        heads: 1, isCausal: false, in: .int8, into: &span, on: Self.pool, using: isa)
      for query in 0..<tokens {
        let row = output[query * width..<(query + 1) * width]
        let isReached = place > 0 || query == 7
        let isRight = row.allSatisfy { $0.isNaN == isReached }
        #expect(isRight, "query \(query), operand \(place)")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `small and large rows keep their shares`(isa: InstructionSet) {
    // A first key that takes nearly all attention and whose value is small, as trained towers have.
    let (tokens, width) = (40, 64)
    let count = tokens * width
    let q = normals(count, seed: 27).map { abs($0) }
    var (k, v) = (normals(count, seed: 28), normals(count, seed: 29))
    for column in 0..<width {
      k[column] = 2
      v[column] *= 1e-3
      v[(tokens - 1) * width + column] *= 100
    }
    var output = [Float](repeating: 0, count: count)
    var span = output.mutableSpan
    attention(
      q.span, k.span, v.span, queryStarts: [0, tokens], keyStarts: [0, tokens], width: width,
      heads: 1, isCausal: true, in: .int8, into: &span, on: Self.pool, using: isa)
    let expected = plain(
      q, k, v, queryStarts: [0, tokens], keyStarts: [0, tokens], width: width, heads: 1,
      isCausal: true)
    for query in 0..<tokens {
      let row = query * width..<(query + 1) * width
      let largest = expected[row].map { abs($0) }.max() ?? 0
      #expect(
        largestDifference(Array(output[row]), Array(expected[row])) <= 2e-3 * largest,
        "query \(query)")
    }
  }

  private func compare(_ lengths: [Int], head: Int, isCausal: Bool) {
    let (heads, starts) = (2, [0, lengths[0], lengths[0] + lengths[1]])
    let width = heads * head
    let count = starts[2] * width
    let (q, k) = (normals(count, seed: 15, scale: 1.5), normals(count, seed: 16, scale: 1.5))
    let v = normals(count, seed: 17)
    let expected = plain(
      q, k, v, queryStarts: starts, keyStarts: starts, width: width, heads: heads,
      isCausal: isCausal)
    // Values reach 4; a bfloat16 has 8 bits, and codes have 12 to 15.
    for (compute, bound) in [(Compute.f32, Float(1e-5)), (.bf16, 0.06), (.int8, 0.004)] {
      var bits: [Float]?
      for isa in InstructionSet.available {
        let (result, isSpared) = sparesSurroundings(count, canary: Float(1e30)) { span in
          attention(
            q.span, k.span, v.span, queryStarts: starts, keyStarts: starts, width: width,
            heads: heads, isCausal: isCausal, in: compute, into: &span, on: Self.pool, using: isa)
        }
        #expect(isSpared)
        if compute != .bf16 {
          #expect(bits == nil || bits == result, "\(isa), causal: \(isCausal)")
          bits = result
        }
        let difference = largestDifference(result, expected)
        #expect(difference <= bound, "\(isa), \(compute), causal: \(isCausal)")
      }
    }
  }

  /// The formula, in double precision.
  private func plain(
    _ q: [Float], _ k: [Float], _ v: [Float], queryStarts: [Int], keyStarts: [Int], width: Int,
    heads: Int, isCausal: Bool
  ) -> [Float] {
    let head = width / heads
    var output = [Float](repeating: 0, count: q.count)
    for sequence in 0..<queryStarts.count - 1 {
      for query in queryStarts[sequence]..<queryStarts[sequence + 1] {
        let all = keyStarts[sequence]..<keyStarts[sequence + 1]
        let keys = isCausal ? all.prefix(query - queryStarts[sequence] + 1) : all[...]
        for column in stride(from: 0, to: width, by: head) {
          let scores = keys.map { key in
            (0..<head).reduce(0.0) {
              $0 + Double(q[query * width + column + $1]) * Double(k[key * width + column + $1])
            } / Double(head).squareRoot()
          }
          let most = scores.max() ?? 0
          let powers = scores.map { Self.exponential($0 - most) }
          let sum = powers.reduce(0, +)
          for c in column..<column + head {
            let mix = zip(keys, powers).reduce(0.0) { $0 + $1.1 * Double(v[$1.0 * width + c]) }
            output[query * width + c] = Float(mix / sum)
          }
        }
      }
    }
    return output
  }

  /// eˣ for x ≤ 0 by its series after halving, within 10⁻¹⁵: these tests import no mathematics.
  private static func exponential(_ x: Double) -> Double {
    var (power, term) = (1.0, 1.0)
    for n in 1...14 {
      term *= x / 1024 / Double(n)
      power += term
    }
    for _ in 0..<10 { power *= power }
    return power
  }
}
