extension MutableSpan<Float> {
  /// Replaces elements from `start` on.
  ///
  /// - Precondition: there are as many.
  mutating func write(_ values: Span<Float>, at start: Int) {
    precondition(start >= 0 && values.count <= count - start, "\(values.count) of \(count)")
    unsafe withUnsafeMutableBufferPointer { target in
      unsafe values.withUnsafeBufferPointer { values in
        guard let from = values.baseAddress else { return }
        unsafe (target.baseAddress! + start).update(from: from, count: values.count)
      }
    }
  }
}
