/// Marsaglia's 32-bit xorshift generator.
package struct Xorshift {
  private var state: UInt32

  package init(seed: UInt32) { state = seed == 0 ? 1 : seed }

  /// - Returns: a number below `bound`.
  package mutating func next(_ bound: UInt32) -> UInt32 {
    state ^= state << 13
    state ^= state >> 17
    state ^= state << 5
    return UInt32((UInt64(state) * UInt64(bound)) >> 32)
  }
}
