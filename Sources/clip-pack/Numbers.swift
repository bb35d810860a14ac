import ArgumentParser

/// How an option reads a number, and what it says of other words.
func number(from range: String) -> @Sendable (String) throws -> Double {
  { word in
    guard let value = Double(word) else {
      throw ValidationError("a number is needed, \(range)")
    }
    return value
  }
}

/// The same for whole numbers.
func wholeNumber(from range: String) -> @Sendable (String) throws -> Int {
  { word in
    guard let value = Int(word) else {
      throw ValidationError("a whole number is needed, \(range)")
    }
    return value
  }
}
