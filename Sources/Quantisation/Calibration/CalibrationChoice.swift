internal import Architecture
internal import Images
public import SystemPackage

/// What weights are rounded for.
public enum CalibrationChoice: Equatable, Sendable {
  /// Each weight by itself.
  case none
  /// Pictures that this tool draws.
  case builtIn
  /// The user's pictures.
  case pictures([FilePath])
}
