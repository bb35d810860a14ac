package import Architecture
package import Bytes

extension Family {
  /// The model that is left when only some towers are taken.
  package func taking(_ towers: Recipe.Towers) throws(Refusal) -> any Family {
    guard let taken = keeping(Set(Tower.allCases.filter(towers.contains))) else {
      throw Refusal("the checkpoint has no \(towers.rawValue) tower")
    }
    return taken
  }
}
