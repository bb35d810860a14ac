/// What an export has written.
public struct ExportSummary: Sendable {
  public var files: [ExportedFile]
  /// What the target could not be given, a sentence each.
  public var notes: [String]
}
