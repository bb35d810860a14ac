internal import Platform

/// eˣ.
func exponential(_ x: Double) -> Double { exp(x) }
