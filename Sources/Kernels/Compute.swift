/// What the products of a forward pass are computed in.
public enum Compute: String, CaseIterable, Sendable {
  case f32
  /// Operands rounded to bfloat16, sums in float32.
  case bf16
  /// Weights as they are coded, activations coded a row at a time, sums in 32-bit integers; bfloat16
  /// where weights are not so coded, and in the first and last product of a tower.
  case int8
}
