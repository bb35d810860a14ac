package import Architecture
internal import Bytes

extension Configuration {
  /// The model that is left when only some towers are taken.
  package func taking(_ towers: Recipe.Towers) throws -> Configuration {
    let taken = Configuration(
      image: towers.contains(.image) ? image : nil, text: towers.contains(.text) ? text : nil,
      projectionWidth: projectionWidth)
    guard taken.image != nil || taken.text != nil else {
      throw Refusal("the checkpoint has no \(towers.rawValue) tower")
    }
    return taken
  }
}
