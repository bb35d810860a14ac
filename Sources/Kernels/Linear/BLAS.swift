// The only file that knows which BLAS this is.
#if canImport(Accelerate)
  internal import Accelerate
#else
  internal import COpenBLAS
#endif

enum BLAS {
  /// out [m, n] = a [m, k] · b [n, k]ᵀ, added to what is there or replacing it; row-major, the rows
  /// of each so many floats apart. On the calling thread alone.
  ///
  /// The same bits for the same operands and shape, whoever calls and whatever runs beside it.
  static func multiply(
    _ a: UnsafePointer<Float>, aStride: Int, _ b: UnsafePointer<Float>, bStride: Int,
    into out: UnsafeMutablePointer<Float>, outStride: Int, m: Int, n: Int, k: Int,
    accumulating: Bool
  ) {
    _ = settings
    unsafe cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, size(m), size(n), size(k), 1, a, size(aStride), b,
      size(bStride), accumulating ? 1 : 0, out, size(outStride))
  }

  #if canImport(Accelerate)
    private static func size(_ count: Int) -> __LAPACK_int { __LAPACK_int(count) }
    private static let settings: Void = { _ = BLASSetThreading(BLAS_THREADING_SINGLE_THREADED) }()
  #else
    private static func size(_ count: Int) -> blasint { blasint(count) }
    /// The worker pool divides the work; OpenBLAS must not divide it again.
    private static let settings: Void = openblas_set_num_threads(1)
  #endif
}
