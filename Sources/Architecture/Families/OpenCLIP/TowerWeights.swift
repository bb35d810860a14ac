internal import Tensors

/// What a checkpoint's tensors say of one tower.
struct TowerWeights {
  let files: ModelFiles
  /// Before the tower's names.
  let prefix: String

  /// The extents of a tensor of the tower; `nil` where it is not there or has another rank.
  func extents(_ name: String, rank: Int) -> [Int]? {
    files.shapes[prefix + name].map(\.extents).flatMap { $0.count == rank ? $0 : nil }
  }

  func has(_ name: String) -> Bool { files.shapes[prefix + name] != nil }

  /// How many there are, counted from 0.
  func count(_ name: (Int) -> String) -> Int {
    var count = 0
    while has(name(count)) { count += 1 }
    return count
  }
}

/// Where a checkpoint has the parts of an open_clip model.
struct OpenCLIPWeights {
  let files: ModelFiles
  /// Before every name: empty, or for example `module.`.
  let prefix: String
  let image: TowerWeights?
  let text: TowerWeights?

  /// - Returns: `nil` where the names are not open_clip's.
  init?(_ files: ModelFiles) {
    let visual = files.prefix(beforePart: "visual.")
    // The text tower by itself, under `text.` or not.
    let block = files.prefix(before: "transformer.resblocks.0.ln_1.weight") {
      !$0.hasSuffix("visual.")
    }
    guard let found = visual ?? files.prefix(beforePart: "text.transformer.") ?? block else {
      return nil
    }
    prefix = found
    self.files = files
    image = visual == nil ? nil : TowerWeights(files: files, prefix: found + "visual.")
    let isNested = files.shapes.keys.contains { $0.hasPrefix(found + "text.") }
    let hasText = isNested || files.shapes[found + "token_embedding.weight"] != nil
    text =
      hasText ? TowerWeights(files: files, prefix: isNested ? found + "text." : found) : nil
  }

  /// Before a tower's names.
  func prefix(of tower: Tower) -> String? { (tower == .image ? image : text)?.prefix }
}
