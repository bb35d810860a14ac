extension Graph {
  /// The id that a text tower pools at; the largest where its rule names none.
  public var endOfText: Int {
    for node in nodes {
      if case .pick(.token(let id)) = node.operation { return min(id, vocabularySize - 1) }
    }
    return vocabularySize - 1
  }
}
