#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Binary logarithm. Its last bit is the system's; what a pack holds must not hang on it.
func logarithm(_ value: Double) -> Double { log2(value) }

/// 2 to a power.
func power(_ exponent: Double) -> Double { exp2(exponent) }
