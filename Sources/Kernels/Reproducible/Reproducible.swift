internal import CKernels

/// Arithmetic that gives the same bits on every processor, by any number of threads, for floats
/// that decide what a pack holds. How: `ck_reproducible.h`.
///
/// Everything that steps and codes are chosen by is made of it: traces and inputs of layers, second
/// moments and their factors, rounding with feedback.
@safe public enum Reproducible {
  /// A matrix of floats in memory: element (row, column) lies at `row · rowStride + column ·
  /// columnStride`.
  @safe struct Matrix {
    let start: UnsafePointer<Float>
    var rowStride: Int
    var columnStride = 1

    init(_ start: UnsafePointer<Float>, _ rowStride: Int) {
      unsafe self.start = unsafe start
      self.rowStride = rowStride
    }

    var transposed: Matrix {
      var matrix = self
      swap(&matrix.rowStride, &matrix.columnStride)
      return matrix
    }
  }

  /// out += a · b for a [m, k] and b [k, n], where the rows of out are `outStride` apart; on the
  /// calling thread.
  static func addProduct(
    _ a: Matrix, _ b: Matrix, to out: UnsafeMutablePointer<Float>, outStride: Int,
    _ m: Int, _ n: Int, _ k: Int, _ isa: InstructionSet = .widest
  ) {
    unsafe Scratch.withFloats(Int(CK_REPRODUCIBLE_SCRATCH)) { scratch in
      unsafe ck_reproducible_product(
        out, outStride, a.start, a.rowStride, a.columnStride, b.start, b.rowStride, b.columnStride,
        m, n, k, scratch, isa.c)
    }
  }

  /// out = a · b, likewise.
  static func product(
    _ a: Matrix, _ b: Matrix, into out: UnsafeMutablePointer<Float>, outStride: Int,
    _ m: Int, _ n: Int, _ k: Int
  ) {
    for row in 0..<m { unsafe (out + row * outStride).update(repeating: 0, count: n) }
    unsafe addProduct(a, b, to: out, outStride: outStride, m, n, k)
  }

  /// The binary logarithm: exact for powers of two, else within 3 units in the last place.
  public static func log2(_ x: Double) -> Double { ck_reproducible_log2(x) }
}
