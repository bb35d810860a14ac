/// The names under which a lossless pack keeps what its source files hold beside the model.
///
/// Specification: `Formats/clippack.md`, section 7.
public enum SourceName {
  /// The section with the header of a file, by the file's index in `provenance.files`.
  public static func header(_ file: Int) -> String { "source/\(file)/header" }

  /// The section with the index of the shards.
  public static let index = "source/index"

  /// A tensor that is no part of the model.
  public static func companion(_ file: Int, _ name: String) -> String {
    "source/\(file)/tensor/\(name)"
  }
}
