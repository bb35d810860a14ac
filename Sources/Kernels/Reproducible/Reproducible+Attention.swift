internal import CKernels
public import Concurrency

extension Reproducible {
  /// How rows of queries, keys and values attend to one another: those of one sequence stand after
  /// those of another, and each head has its own columns.
  public struct Heads: Sendable {
    let width: Int
    let heads: Int
    let queryStarts: [Int]
    let keyStarts: [Int]
    let isCausal: Bool
    /// Of each key whether it is seen; `nil` where all are.
    let visible: [Bool]?

    /// - Parameters:
    ///   - width: of a row, a multiple of `heads`.
    ///   - queryStarts: where each sequence's queries begin, and after the last one, where they
    ///     end.
    ///   - keyStarts: the same of its keys and values.
    ///   - isCausal: whether query `i` of a sequence sees its keys `0...i` only. It has as many
    ///     queries as keys then.
    ///   - visible: of each key whether it is seen; `nil` where all are. The answer to a query that
    ///     sees none is 0.
    public init(
      width: Int, heads: Int, queryStarts: [Int], keyStarts: [Int], isCausal: Bool,
      visible: [Bool]? = nil
    ) {
      precondition(
        heads > 0 && width > 0 && width % heads == 0, "\(heads) heads in \(width) columns")
      precondition(
        queryStarts.count == keyStarts.count && (!isCausal || queryStarts == keyStarts)
          && visible.map { $0.count == keyStarts.last ?? 0 } ?? true,
        "\(queryStarts.count) starts of queries, \(keyStarts.count) of keys")
      self.width = width
      self.heads = heads
      self.queryStarts = queryStarts
      self.keyStarts = keyStarts
      self.isCausal = isCausal
      self.visible = visible
    }

    fileprivate var queryFloats: Int { (queryStarts.last ?? 0) * width }
    fileprivate var keyFloats: Int { (keyStarts.last ?? 0) * width }
    fileprivate var columns: Int { width / heads }
    fileprivate var scale: Float { 1 / Float(columns).squareRoot() }

    /// One head of one sequence.
    fileprivate struct Part {
      var queries: Int
      var keys: Int
      /// The sequence's first key.
      var firstKey: Int
      /// Where its first float is, of queries and of keys.
      var queryCorner: Int
      var keyCorner: Int
    }

    /// Each head of each sequence, on any thread.
    fileprivate func forEach(on pool: WorkerPool, _ body: @Sendable (Part) -> Void) {
      pool.run((queryStarts.count - 1) * heads) { index in
        let (sequence, column) = (index / heads, index % heads * columns)
        let (firstQuery, firstKey) = (queryStarts[sequence], keyStarts[sequence])
        body(
          Part(
            queries: queryStarts[sequence + 1] - firstQuery,
            keys: keyStarts[sequence + 1] - firstKey, firstKey: firstKey,
            queryCorner: firstQuery * width + column, keyCorner: firstKey * width + column))
      }
    }

    /// What share each key has in the answer to each query, `[queries, keys]`.
    fileprivate func share(
      _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ part: Part,
      into shares: UnsafeMutablePointer<Float>
    ) {
      let keys = part.keys
      unsafe product(
        Matrix(q + part.queryCorner, width), Matrix(k + part.keyCorner, width).transposed,
        into: shares, outStride: keys, part.queries, keys, columns)
      for query in 0..<part.queries {
        let seen = isCausal ? query + 1 : keys
        let row = unsafe shares + query * keys
        guard let visible else {
          unsafe ck_reproducible_softmax(row, seen, scale, InstructionSet.widest.c)
          for key in seen..<keys { unsafe row[key] = 0 }
          continue
        }
        // The logits of visible keys, one after the other, then each share back to its key.
        var count = 0
        for key in 0..<seen where visible[part.firstKey + key] {
          unsafe row[count] = row[key]
          count += 1
        }
        unsafe ck_reproducible_softmax(row, count, scale, InstructionSet.widest.c)
        for key in (0..<keys).reversed() {
          let isSeen = key < seen && visible[part.firstKey + key]
          if isSeen { count -= 1 }
          unsafe row[key] = isSeen ? row[count] : 0
        }
      }
    }
  }

  /// Multi-head attention. What `output` holds is replaced.
  ///
  /// - Parameters:
  ///   - q, output: `[queries, width]`.
  ///   - k, v: `[keys, width]`.
  /// - Precondition: the shapes fit.
  public static func attention(
    _ q: Span<Float>, _ k: Span<Float>, _ v: Span<Float>, _ heads: Heads,
    into output: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    precondition(
      q.count == heads.queryFloats && output.count == q.count && k.count == heads.keyFloats
        && v.count == k.count,
      "\(q.count), \(k.count), \(v.count) → \(output.count) floats in rows of \(heads.width)")
    guard heads.queryFloats > 0 else { return }
    unsafe q.withUnsafeBufferPointer { q in
      unsafe k.withUnsafeBufferPointer { k in
        unsafe v.withUnsafeBufferPointer { v in
          unsafe output.withUnsafeMutableBufferPointer { output in
            guard !k.isEmpty else { return }
            nonisolated(unsafe) let (q, k) = (q.baseAddress!, k.baseAddress!)
            nonisolated(unsafe) let (v, output) = (v.baseAddress!, output.baseAddress!)
            heads.forEach(on: pool) { part in
              unsafe Scratch.withFloats(max(part.queries * part.keys, 1)) { shares in
                unsafe heads.share(q, k, part, into: shares)
                unsafe product(
                  Matrix(shares, part.keys), Matrix(v + part.keyCorner, heads.width),
                  into: output + part.queryCorner, outStride: heads.width, part.queries,
                  heads.columns, part.keys)
              }
            }
          }
        }
      }
    }
  }

  /// The gradients of an attention's queries, keys and values, from that of its output.
  ///
  /// What `qGradient`, `kGradient` and `vGradient` hold is replaced.
  ///
  /// - Parameters:
  ///   - gradient: of the output, as `q` and `qGradient` `[queries, width]`.
  ///   - k, v, kGradient, vGradient: `[keys, width]`.
  /// - Precondition: the shapes fit.
  public static func attentionGradient(
    _ gradient: Span<Float>, _ q: Span<Float>, _ k: Span<Float>, _ v: Span<Float>, _ heads: Heads,
    into qGradient: inout MutableSpan<Float>, _ kGradient: inout MutableSpan<Float>,
    _ vGradient: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    precondition(
      [gradient.count, q.count, qGradient.count].allSatisfy { $0 == heads.queryFloats }
        && [k.count, v.count, kGradient.count, vGradient.count].allSatisfy {
          $0 == heads.keyFloats
        },
      "an attention's matrices are \(heads.queryFloats) and \(heads.keyFloats) floats")
    guard heads.queryFloats > 0, heads.keyFloats > 0 else { return }
    unsafe gradient.withUnsafeBufferPointer { gradient in
      unsafe q.withUnsafeBufferPointer { q in
        unsafe k.withUnsafeBufferPointer { k in
          unsafe v.withUnsafeBufferPointer { v in
            unsafe qGradient.withUnsafeMutableBufferPointer { qGradient in
              unsafe kGradient.withUnsafeMutableBufferPointer { kGradient in
                unsafe vGradient.withUnsafeMutableBufferPointer { vGradient in
                  let back = unsafe Back(
                    heads: heads, gradient: gradient.baseAddress!, q: q.baseAddress!,
                    k: k.baseAddress!, v: v.baseAddress!, qGradient: qGradient.baseAddress!,
                    kGradient: kGradient.baseAddress!, vGradient: vGradient.baseAddress!)
                  heads.forEach(on: pool) { part in back.run(part) }
                }
              }
            }
          }
        }
      }
    }
  }

  @safe private struct Back: @unchecked Sendable {
    let heads: Heads
    let gradient: UnsafePointer<Float>
    let q: UnsafePointer<Float>
    let k: UnsafePointer<Float>
    let v: UnsafePointer<Float>
    let qGradient: UnsafeMutablePointer<Float>
    let kGradient: UnsafeMutablePointer<Float>
    let vGradient: UnsafeMutablePointer<Float>

    func run(_ part: Heads.Part) {
      let (width, columns) = (heads.width, heads.columns)
      let (queries, keys) = (part.queries, part.keys)
      let gradient = unsafe Matrix(gradient + part.queryCorner, width)
      unsafe Scratch.withFloats(max(2 * queries * keys, 1)) { shares in
        // The gradient of the shares, then of the logits.
        let logits = unsafe shares + queries * keys
        unsafe heads.share(q, k, part, into: shares)
        unsafe product(
          gradient, Matrix(v + part.keyCorner, width).transposed, into: logits, outStride: keys,
          queries, keys, columns)
        unsafe product(
          Matrix(shares, keys).transposed, gradient, into: vGradient + part.keyCorner,
          outStride: width, keys, columns, queries)
        for query in 0..<queries {
          let (share, slope) = unsafe (shares + query * keys, logits + query * keys)
          var mean: Float = 0
          for key in 0..<keys { unsafe mean += share[key] * slope[key] }
          for key in 0..<keys {
            unsafe slope[key] = share[key] * (slope[key] - mean) * heads.scale
          }
        }
        unsafe product(
          Matrix(logits, keys), Matrix(k + part.keyCorner, width),
          into: qGradient + part.queryCorner, outStride: width, queries, columns, keys)
        unsafe product(
          Matrix(logits, keys).transposed, Matrix(q + part.queryCorner, width),
          into: kGradient + part.keyCorner, outStride: width, keys, columns, queries)
      }
    }
  }
}
