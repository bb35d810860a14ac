import Bytes
import Testing

@testable import Quantisation

@Suite struct RecipeTests {
  @Test(arguments: [
    (#""squared_errors":{"a":"b"}"#, #"recipe.squared_errors has "b""#),
    (#""squared_errors":{"a":-1}"#, "recipe.squared_errors has -1"),
    (#""steps":{"a":1.5}"#, "recipe.steps has 1.5"),
    (#""steps":{"a":99999}"#, "recipe.steps has 99999"),
  ])
  func `of other things than numbers is refused`(field: String, message: String) throws {
    let json = try JSON(parsing: #"{"target":"int8","towers":"both",\#(field)}"#)
    let error = #expect(throws: FormatError.self) { try Recipe(decoding: json) }
    #expect(error.map { "\($0)".contains(message) } ?? false, "\(String(describing: error))")
  }
}
