public import ClipPack

/// A picture of a shard, with what is known of it.
public struct Sample: Sendable {
  /// The path of its file, or its key in a tar: what its members' names share.
  public var key: [UInt8]
  public var picture: PictureSource
  /// What a `.txt` beside it says.
  public var caption: String?
}
