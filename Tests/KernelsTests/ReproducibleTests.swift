import Concurrency
import Testing

@testable import Kernels

/// Arithmetic that must give the same bits on every processor: against the plainest loops that do
/// the same operations in the same order, on every instruction set that this machine has.
@Suite("reproducible arithmetic") struct ReproducibleTests {
  private let pool = WorkerPool(threads: 3)
  @Test(arguments: InstructionSet.available, counts.dropLast())
  func `products are those of the plain loop, bit for bit`(isa: InstructionSet, columns: Int) {
    for (m, k) in [(1, 1), (5, 511), (7, 512), (12, 513), (14, 40), (25, 3)] {
      for isTransposed in [false, true] {
        let (a, b) = (normals(m * k, seed: 1), normals(k * columns, seed: 2))
        let before = normals(m * columns, seed: 3)
        // Two canaries before and behind; so nothing is aligned either.
        var out = [Float](repeating: 77, count: 2) + before + [77, 77]
        unsafe a.withUnsafeBufferPointer { a in
          unsafe b.withUnsafeBufferPointer { b in
            unsafe out.withUnsafeMutableBufferPointer { out in
              let matrix = unsafe Reproducible.Matrix(b.baseAddress!, isTransposed ? k : columns)
              unsafe Reproducible.addProduct(
                Reproducible.Matrix(a.baseAddress!, k), isTransposed ? matrix.transposed : matrix,
                to: out.baseAddress! + 2, outStride: columns, m, columns, k, isa)
            }
          }
        }
        var expected = before
        for i in 0..<m {
          for s in 0..<k {
            for j in 0..<columns {
              let factor = isTransposed ? b[j * k + s] : b[s * columns + j]
              expected[i * columns + j].addProduct(a[i * k + s], factor)
            }
          }
        }
        #expect(out == [77, 77] + expected + [77, 77], "\(m)×\(k)×\(columns), \(isTransposed)")
      }
    }
  }

  /// An empty array has an address, too.
  @Test func `a layer whose bias is empty has none`() {
    let (x, weight) = (normals(7 * 12, seed: 4), normals(100 * 12, seed: 5))
    let results = [[Float]?.none, []].map { bias in
      var output = normals(7 * 100, seed: 6)
      var span = output.mutableSpan
      let matrix = unsafe MatrixSpan(float32: weight.span.bytes, rows: 100, columns: 12)
      if let bias {
        Reproducible.linear(x.span, matrix, bias: bias.span, into: &span, on: pool)
      } else {
        Reproducible.linear(x.span, matrix, into: &span, on: pool)
      }
      return output
    }
    #expect(results[0] == results[1])
  }

  @Test(arguments: Activation.allCases)
  func `activations and their derivatives have one result on every instruction set`(
    activation: Activation
  ) {
    let special: [Float] = [0, -0.0, 1e-30, -1e-30, 60, -60, 1e30, -1e30]
    let x = special + (-1200...1200).map { Float($0) / 97 }
    for count in [x.count] + counts {
      let part = Array(x[..<count])
      let results = InstructionSet.available.map { isa in
        var values = part
        var span = values.mutableSpan
        Reproducible.activate(&span, activation, using: isa)
        var slopes = [Float](repeating: 3, count: count)
        var slopesSpan = slopes.mutableSpan
        Reproducible.activationGradient(activation, at: part.span, scaling: &slopesSpan, using: isa)
        return (values + slopes).map(\.bitPattern)
      }
      #expect(Set(results).count == 1, "\(count) values")
    }
    var values = x
    var span = values.mutableSpan
    Reproducible.activate(&span, activation)
    var expected = x
    var expectedSpan = expected.mutableSpan
    let none = [Float](repeating: 0, count: x.count)
    Kernels.activate(&expectedSpan, bias: none.span, activation, using: .scalar)
    for i in x.indices where x[i].isFinite {
      let size = activation == .sigmoid ? 1 : abs(x[i])
      #expect(abs(values[i] - expected[i]) <= 1e-6 * max(size, 1e-3), "at \(x[i])")
    }
  }

  @Test func `the derivative of an activation is its slope`() {
    for activation in Activation.allCases {
      for x in stride(from: Float(-6), to: 6, by: 0.173) {
        let step: Float = 1 / 64
        var ends: [Float] = [x - step, x + step]
        var endsSpan = ends.mutableSpan
        Reproducible.activate(&endsSpan, activation)
        var slope: [Float] = [1]
        var slopeSpan = slope.mutableSpan
        Reproducible.activationGradient(activation, at: [x].span, scaling: &slopeSpan)
        #expect(abs((ends[1] - ends[0]) / (2 * step) - slope[0]) < 3e-4, "\(activation) at \(x)")
      }
    }
  }

  @Test func `layers, LayerNorm and attention are those that embeddings are computed with`() {
    let (rows, width) = (11, 24)
    let (x, weight) = (normals(rows * width, seed: 4), normals(width, seed: 5))
    let (matrix, bias) = (normals(40 * width, seed: 6), normals(40, seed: 7))
    var (fixed, usual) = ([Float](repeating: 0, count: rows * 40), normals(rows * 40, seed: 8))
    do {
      let span = unsafe MatrixSpan(float32: matrix.span.bytes, rows: 40, columns: width)
      var reproducibleSpan = fixed.mutableSpan
      var usualSpan = usual.mutableSpan
      Reproducible.linear(x.span, span, bias: bias.span, into: &reproducibleSpan, on: pool)
      linear(x.span, span, bias: bias.span, into: &usualSpan, on: pool, using: .scalar)
    }
    expectEqual(fixed, usual)
    (fixed, usual) = (x, x)
    do {
      var reproducibleSpan = fixed.mutableSpan
      var usualSpan = usual.mutableSpan
      let shift = Array(bias[..<width])
      Reproducible.layerNorm(
        x.span, weight: weight.span, bias: shift.span, epsilon: 1e-5, into: &reproducibleSpan)
      layerNorm(
        x.span, weight: weight.span, bias: shift.span, epsilon: 1e-5, into: &usualSpan, on: pool,
        using: .scalar)
    }
    expectEqual(fixed, usual)
    for isCausal in [false, true] {
      let (k, v) = (normals(rows * width, seed: 9), normals(rows * width, seed: 10))
      let starts = [0, 4, 4, 11]
      var reproducibleSpan = fixed.mutableSpan
      var usualSpan = usual.mutableSpan
      Reproducible.attention(
        x.span, k.span, v.span,
        Reproducible.Heads(
          width: width, heads: 3, queryStarts: starts, keyStarts: starts, isCausal: isCausal),
        into: &reproducibleSpan, on: pool)
      attention(
        x.span, k.span, v.span, queryStarts: starts, keyStarts: starts, width: width, heads: 3,
        isCausal: isCausal, into: &usualSpan, on: pool, using: .scalar)
      expectEqual(fixed, usual)
    }
  }

  @Test func `attention may have other queries than keys, and keys that are not seen`() {
    let width = 12
    let (queryStarts, keyStarts) = ([0, 1, 3, 3], [0, 5, 6, 10])
    let (q, k, v) = (
      normals(3 * width, seed: 1), normals(10 * width, seed: 2), normals(10 * width, seed: 3)
    )
    var (fixed, usual) = ([Float](repeating: 9, count: q.count), q)
    do {
      var reproducibleSpan = fixed.mutableSpan
      var usualSpan = usual.mutableSpan
      Reproducible.attention(
        q.span, k.span, v.span,
        Reproducible.Heads(
          width: width, heads: 2, queryStarts: queryStarts, keyStarts: keyStarts,
          isCausal: false),
        into: &reproducibleSpan, on: pool)
      attention(
        q.span, k.span, v.span, queryStarts: queryStarts, keyStarts: keyStarts, width: width,
        heads: 2, isCausal: false, into: &usualSpan, on: pool, using: .scalar)
    }
    expectEqual(fixed, usual)
    // Of causal queries the first sees no key of the second sequence, and its answer is 0.
    let starts = [0, 4, 10]
    let visible = [true, false, true, false, false, true, true, false, true, true]
    let queries = normals(10 * width, seed: 4)
    (fixed, usual) = (queries, queries)
    do {
      var reproducibleSpan = fixed.mutableSpan
      var usualSpan = usual.mutableSpan
      Reproducible.attention(
        queries.span, k.span, v.span,
        Reproducible.Heads(
          width: width, heads: 2, queryStarts: starts, keyStarts: starts, isCausal: true,
          visible: visible),
        into: &reproducibleSpan, on: pool)
      maskedAttention(
        queries.span, k.span, v.span, starts: starts, width: width, heads: 2, visible: visible,
        into: &usualSpan)
    }
    expectEqual(fixed, usual)
    #expect(fixed[4 * width..<5 * width].allSatisfy { $0 == 0 })
  }

  @Test func `the binary logarithm is exact for powers of two and close elsewhere`() {
    for exponent in -1074...1023 {
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      #expect(Reproducible.log2(power) == Double(exponent))
    }
    // 2^(a + b) = 2ᵃ · 2ᵇ, from values that square roots give.
    var root = 2.0
    for halvings in 1...20 {
      root = root.squareRoot()
      let expected = Double(sign: .plus, exponent: -halvings, significand: 1)
      #expect(abs(Reproducible.log2(root) - expected) <= 4e-16, "2^2^-\(halvings)")
    }
    #expect(abs(Reproducible.log2(10) - 3.321_928_094_887_362_3) < 1e-15)
    #expect(abs(Reproducible.log2(1e-300) + 996.578_428_466_208_7) < 1e-12)
    #expect(Reproducible.log2(0) == -.infinity)
    #expect(Reproducible.log2(.infinity) == .infinity)
    #expect(Reproducible.log2(-1).isNaN)
  }

  private func expectEqual(_ a: [Float], _ b: [Float]) {
    #expect(largestDifference(a, b) <= 2e-5)
  }
}
