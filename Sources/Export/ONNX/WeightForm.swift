/// How the matrices of an export are computed with.
public enum WeightForm: String, CaseIterable, Sendable {
  /// The pack's own numbers: codes, cast to float32, times their rows' steps; or its values.
  case exact
  /// Products of 8-bit integers where the pack has 8-bit codes: activations are quantised as they
  /// come, with one scale for all of them. Fast, and less exact than the pack's evidence says.
  case dynamic
}
