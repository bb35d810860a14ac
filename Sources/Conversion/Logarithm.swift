internal import Kernels
internal import Platform

/// Binary logarithm, the same bits on every machine: steps are found by it.
func logarithm(_ value: Double) -> Double { Fixed.log2(value) }

/// 2 to a power. Its last bit is the system's; what a pack holds must not hang on it.
func power(_ exponent: Double) -> Double { exp2(exponent) }
