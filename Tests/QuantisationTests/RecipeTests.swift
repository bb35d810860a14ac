import Bytes
import Testing

@testable import Quantisation

@Suite struct RecipeTests {
  @Test(arguments: [
    (
      #""calibration":{"inputs":"drawn"}"#,
      #"recipe.calibration.inputs is "drawn", known are built-in and given"#
    ),
    (#""calibration":{}"#, "recipe.calibration.inputs is missing, known are built-in and given"),
    (
      #""calibration":{"inputs":"given","digest":"00"}"#,
      #"recipe.calibration.digest is "00", 64 hexadecimal digits are needed"#
    ),
    (#""steps":{"a":1.5}"#, "recipe.steps has 1.5"),
    (#""steps":{"a":99999}"#, "recipe.steps has 99999"),
  ])
  func `with other things than are known is refused`(field: String, message: String) throws {
    let json = try JSON(parsing: #"{"target":"int8","towers":"both",\#(field)}"#)
    let error = #expect(throws: FormatError.self) { try Recipe(decoding: json) }
    #expect(error.map { "\($0)".contains(message) } ?? false, "\(String(describing: error))")
  }
}
