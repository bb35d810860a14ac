/// What the products of a forward pass are computed in.
public enum Compute: String, CaseIterable, Sendable {
  case f32
  /// Operands rounded to bfloat16, sums in float32. Weights that are coded stay as they are, and
  /// meet activations quantised to 16 bits a row at a time, which is as fast and rounds less.
  case bf16
  /// Weights as they are coded, activations quantised to 8 bits row by row, sums in integers; as
  /// `bf16` where weights are not coded, and in the last product of a tower. Where all weights are
  /// coded, the same bits on every processor.
  case int8
}
