/// What the products of a forward pass are computed in.
///
/// A choice holds where the weights allow it; elsewhere it is float32.
public enum Compute: String, CaseIterable, Sendable {
  case f32
  /// Operands rounded to bfloat16, sums in float32.
  case bf16
  /// Weights as they are coded, activations coded a row at a time, sums in 32-bit integers.
  case int8
}
