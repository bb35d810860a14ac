public import SystemPackage

/// The folder of committed files that tests read.
public enum Fixture {
  public static let folder = FilePath(#filePath)
    .removingLastComponent().removingLastComponent().appending("Fixtures")

  public static func path(_ name: String) -> FilePath {
    folder.appending(FilePath(name).components)
  }
}
