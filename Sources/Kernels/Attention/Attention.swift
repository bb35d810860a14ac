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
///   - compute: float32, or anything else for products of bfloat16 where the processor has them.
///   - isCausal: whether query `i` of a sequence sees its keys `0...i` only. It has as many queries
///     as keys then.
///   - output: `[queries, width]`.
public func attention(
  _ q: Span<Float>, _ k: Span<Float>, _ v: Span<Float>, queryStarts: [Int], keyStarts: [Int],
  width: Int, heads: Int, isCausal: Bool, in compute: Compute = .f32,
  into output: inout MutableSpan<Float>, on pool: WorkerPool, using isa: InstructionSet = .widest
) {
  precondition(heads > 0 && width > 0 && width % heads == 0, "\(heads) heads in \(width) columns")
  let sequences = queryStarts.count - 1
  precondition(
    keyStarts.count == queryStarts.count && queryStarts.first == 0 && keyStarts.first == 0,
    "\(queryStarts.count) starts of queries, \(keyStarts.count) of keys")
  precondition(
    q.count == queryStarts[sequences] * width && output.count == q.count
      && k.count == keyStarts[sequences] * width && v.count == k.count,
    "\(q.count), \(k.count), \(v.count) → \(output.count) floats in rows of \(width)")
  for index in 0..<sequences {
    let queries = queryStarts[index + 1] - queryStarts[index]
    let keys = keyStarts[index + 1] - keyStarts[index]
    precondition(
      queries >= 0 && keys >= 0 && (queries == 0 || (isCausal ? keys == queries : keys > 0)),
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
            let firstKey = keyStarts[sequence] * width + column
            guard queries > 0 else { return }
            unsafe Scratch.withFloats(ck_attention_scratch(keys, head)) { scratch in
              let attention = unsafe compute == .f32 ? ck_attention_f32 : ck_attention_bf16
              unsafe attention(
                output + first, q + first, k + firstKey, v + firstKey, queries, keys, head, width,
                width, scale, isCausal ? 1 : 0, scratch, isa.c)
            }
          }
        }
      }
    }
  }
}
