internal import Architecture
internal import Images
public import SystemPackage
internal import Tokenizers
internal import Towers

extension Model {
  /// What comes out of one layer for texts, as generators of pictures read it: of each text all
  /// positions that the model has, filled up with the tokenizer's padding.
  ///
  /// - Parameter stage: `graph.text?.stage(ofLayer:)`.
  /// - Returns: for each text, positions × width floats.
  public func states(ofTexts texts: [String], at stage: String) throws -> [[Float]] {
    guard let textTower else { throw ModelError.missing(.text) }
    let positions = textTower.graph.tokens.upperBound
    guard let tokenizer = try tokenizer else { throw ModelError.noTokenizer }
    let padding = Int(tokenizer.padding ?? tokenizer.end ?? 0)
    let ids = try texts.map { text in
      let ids = try self.ids(of: text).ids
      return ids + Array(repeating: padding, count: positions - ids.count)
    }
    return try textTower.states(ids, at: stage)
  }

  /// What comes out of one layer for pictures: of each the rows of all patches, and of the class
  /// token before them where there is one.
  ///
  /// - Parameter stage: `graph.image?.stage(ofLayer:)`.
  /// - Returns: for each picture, rows × width floats.
  public func states(ofImages paths: [FilePath], at stage: String) throws -> [[Float]] {
    guard let imageTower else { throw ModelError.missing(.image) }
    let values = try pixels(of: paths).flatMap(\.values)
    return try imageTower.states(values.span, at: stage)
  }
}
