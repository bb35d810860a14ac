internal import Architecture

/// The built-in texts: of varied length, subject and script.
enum ProbeTexts {
  static let all = [
    "a photo of a cat",
    "a photo of a dog",
    "a red circle",
    "two green squares on a white background",
    "an aerial view of a harbour at dusk, with the lights of the ferries on the water",
    "a close-up of wet moss on a stone wall",
    "the number 42 painted on a door",
    "it's a bird!",
    "ein Fahrrad lehnt an einer Mauer",
    "una mujer lee un periódico en el tren",
    "雪の中の赤い橋",
    "кошка спит на подоконнике",
    "🍎🍌🍇",
    "blue",
    "",
    "a hand-drawn map of an island, showing two villages, a lighthouse, a river that comes down "
      + "from the hills in the north, a road along the coast, and, in the lower right corner, a "
      + "compass rose with the four directions written out in full",
  ]

  /// Token ids for a model without a tokenizer: sequences of growing length, ended by the id that
  /// the model pools at.
  static func ids(for text: Graph) -> [[Int]] {
    let end = text.endOfText
    return (1...16).map { number in
      let count = min(text.tokens.upperBound - 1, 2 + number * 4)
      return (0..<count).map { position in
        let id = (number * 7919 + position * 104_729) % text.vocabularySize
        return id == end ? (end == 0 ? 1 : 0) : id
      } + [end]
    }
  }
}
