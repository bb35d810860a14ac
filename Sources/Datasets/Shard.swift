public import SystemPackage

/// One of several files of pictures, embedded by itself.
public struct Shard: Equatable, Sendable {
  /// Where it stands among all.
  public var index: Int
  /// How many there are, those of other machines included.
  public var count: Int
  /// A tar, or a list of paths.
  public var source: FilePath

  public init(index: Int, count: Int, source: FilePath) {
    self.index = index
    self.count = count
    self.source = source
  }

  /// The shards of one of `parts` machines: every `parts`th, from `part` on.
  public static func of(
    _ sources: [FilePath], part: Int = 0, of parts: Int = 1
  ) -> [Shard] {
    precondition(parts > 0 && 0..<parts ~= part, "part \(part) of \(parts)")
    return sources.indices.filter { $0 % parts == part }.map {
      Shard(index: $0, count: sources.count, source: sources[$0])
    }
  }

  /// As many digits as the count has, as clip-retrieval names partitions.
  var name: String {
    let digits = String(index)
    return String(repeating: "0", count: max(String(count).utf8.count - digits.utf8.count, 0))
      + digits
  }
}
