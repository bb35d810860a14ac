internal import CKernels
public import Concurrency

/// Multi-head attention over several sequences whose rows stand one after the other.
///
/// Each query attends to the keys of its own sequence. Heads are adjacent parts of `width / heads`
/// columns; the scale is 1 / √(width / heads).
///
/// - Parameters:
///   - q: `[queries, width]`.
///   - k, v: `[keys, width]`.
///   - queryStarts: where each sequence's queries begin, and after the last one, where they end.
///   - keyStarts: the same for keys; every sequence with queries has keys.
///   - keyRows: the rows of k and v that are the keys, where not each is the next; then sequences
///     may have some in common.
///   - compute: int8 for products of 16-bit integers; bfloat16 for products of it where the
///     processor has them. All but the latter have one arithmetic on every processor.
///   - isCausal: whether a query sees no keys behind its own. The queries of a sequence are those
///     of its last keys then.
///   - output: `[queries, width]`.
public func attention(
  _ q: Span<Float>, _ k: Span<Float>, _ v: Span<Float>, queryStarts: [Int], keyStarts: [Int],
  keyRows: [Int]? = nil, width: Int, heads: Int, isCausal: Bool, in compute: Compute = .f32,
  into output: inout MutableSpan<Float>, on pool: WorkerPool, using isa: InstructionSet = .widest
) {
  precondition(heads > 0 && width > 0 && width % heads == 0, "\(heads) heads in \(width) columns")
  let sequences = queryStarts.count - 1
  precondition(
    keyStarts.count == queryStarts.count && queryStarts.first == 0 && keyStarts.first == 0,
    "\(queryStarts.count) starts of queries, \(keyStarts.count) of keys")
  let keys = keyRows?.count ?? k.count / width
  precondition(
    q.count == queryStarts[sequences] * width && output.count == q.count
      && keys == keyStarts[sequences] && k.count % width == 0 && v.count == k.count,
    "\(q.count), \(k.count), \(v.count) → \(output.count) floats in rows of \(width)")
  precondition(
    keyRows?.allSatisfy { $0 >= 0 && $0 < k.count / width } ?? true, "a key beyond all rows")
  for index in 0..<sequences {
    let queries = queryStarts[index + 1] - queryStarts[index]
    let keys = keyStarts[index + 1] - keyStarts[index]
    precondition(
      queries >= 0 && keys >= 0 && (queries == 0 || keys >= (isCausal ? queries : 1)),
      "sequence \(index) has \(queries) queries and \(keys) keys")
  }
  let head = width / heads
  let scale = 1 / Float(head).squareRoot()
  unsafe q.withUnsafeBufferPointer { q in
    unsafe k.withUnsafeBufferPointer { k in
      unsafe v.withUnsafeBufferPointer { v in
        unsafe output.withUnsafeMutableBufferPointer { output in
          guard !q.isEmpty else { return }
          nonisolated(unsafe) let q = q.baseAddress!
          nonisolated(unsafe) let k = k.baseAddress!
          nonisolated(unsafe) let v = v.baseAddress!
          nonisolated(unsafe) let output = output.baseAddress!
          pool.run(sequences * heads) { index in
            let (sequence, column) = (index / heads, index % heads * head)
            let first = queryStarts[sequence] * width + column
            let queries = queryStarts[sequence + 1] - queryStarts[sequence]
            let keys = keyStarts[sequence + 1] - keyStarts[sequence]
            guard queries > 0 else { return }
            let attention = unsafe kernel(for: compute)
            var part = CKHead(
              queries: queries, keys: keys, width: head, stride: width, key_stride: width,
              out_stride: width, scale: scale, causal: isCausal)
            guard let keyRows else {
              let firstKey = keyStarts[sequence] * width + column
              unsafe Scratch.withFloats(ck_attention_scratch(keys, head)) { scratch in
                unsafe attention(
                  output + first, q + first, k + firstKey, v + firstKey, part, scratch, isa.c)
              }
              return
            }
            part.key_stride = head
            let count = keys * head
            unsafe Scratch.withFloats(2 * count + ck_attention_scratch(keys, head)) { scratch in
              let (ownK, ownV) = unsafe (scratch, scratch + count)
              for key in 0..<keys {
                let row = keyRows[keyStarts[sequence] + key] * width + column
                unsafe (ownK + key * head).update(from: k + row, count: head)
                unsafe (ownV + key * head).update(from: v + row, count: head)
              }
              unsafe attention(
                output + first, q + first, ownK, ownV, part, scratch + 2 * count, isa.c)
            }
          }
        }
      }
    }
  }
}

private func kernel(for compute: Compute) -> (
  UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>,
  CKHead, UnsafeMutablePointer<Float>, CKInstructionSet
) -> Void {
  switch compute {
  case .f32: unsafe ck_attention_f32
  case .bf16: unsafe ck_attention_bf16
  case .int8: unsafe ck_attention_i16
  }
}
