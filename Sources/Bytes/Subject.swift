public import SystemPackage

/// What an error is about.
public enum Subject: Equatable, Sendable {
  case file(FilePath)
  case tensor(String)
  /// What a caller has asked for, by the name that the documentation gives it.
  case argument(String)
}
