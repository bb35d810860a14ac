import PackFormat
import Tensors
import TestSupport

extension Forger {
  /// A tensor of the model that has several rows, its index in the content.
  mutating func matrix(_ isWanted: (String) -> Bool = { _ in true }) -> Int {
    let choice = content.indices.filter { index in
      guard let tensor = content[index].tensor, tensor.isModel, tensor.shape.extents.count >= 2
      else { return false }
      return isWanted(tensor.name)
    }
    return choice[number(choice.count)]
  }

  mutating func changeTensor() -> String {
    let index = matrix()
    let isZero = number(2) == 0
    let step = content[index].codeSize
    for start in stride(from: 0, to: content[index].streams[0].count, by: step) {
      content[index].changeCode(at: start) { isZero ? 0 : -$0 }
    }
    return "\(content[index].name) is \(isZero ? "zero" : "negated")"
  }

  mutating func changeRow() -> String {
    let index = matrix()
    let row = number(content[index].tensor!.rows)
    let isNegated = number(2) == 0
    content[index].changeCodes(of: row) { isNegated ? -$0 : ($0 / 4).rounded() }
    return "row \(row) of \(content[index].name) is \(isNegated ? "negated" : "a quarter")"
  }

  mutating func exchangeHeads() -> String {
    let choice = content.indices.filter { content[$0].isProjectionOfHeads }
    let index = choice[number(choice.count)]
    let half = content[index].tensor!.rows / 2
    for row in 0..<half { content[index].exchangeRows(row, row + half) }
    return "the halves of \(content[index].name) are exchanged"
  }

  mutating func exchangeTokenRows() -> String {
    let index = matrix { $0.contains("token_embedding") }
    let rows = content[index].tensor!.rows
    let first = number(rows)
    let second = (first + 1 + number(rows - 1)) % rows
    content[index].exchangeRows(first, second)
    return "rows \(first) and \(second) of \(content[index].name) are exchanged"
  }

  mutating func changeElement() -> String {
    let choice = content.indices.filter { content[$0].tensor?.isModel == true }
    let index = choice[number(choice.count)]
    let place = number(content[index].streams[0].count / content[index].codeSize)
    content[index].changeCode(at: place * content[index].codeSize) { $0 > 0 ? $0 - 60 : $0 + 60 }
    return "element \(place) of \(content[index].name)"
  }

  /// By one, the least that a code can be changed by.
  mutating func changeCode() -> String {
    let choice = content.indices.filter { content[$0].tensor?.isModel == true }
    let index = choice[number(choice.count)]
    let place = number(content[index].streams[0].count / content[index].codeSize)
    content[index].changeCode(at: place * content[index].codeSize) { $0 > 0 ? $0 - 1 : $0 + 1 }
    return "one step at element \(place) of \(content[index].name)"
  }

  /// Of a tensor on a grid, its index in the content.
  private mutating func grid() -> Int {
    let choice = content.indices.filter { content[$0].streams.count == 2 }
    return choice[number(choice.count)]
  }

  /// Of a whole tensor, so that its rows still agree about them.
  mutating func changeAllSteps() -> String {
    let index = grid()
    let factors: [Float] = [0.5, 0.9, 1.1, 2]
    let factor = factors[number(factors.count)]
    for place in stride(from: 0, to: content[index].streams[1].count, by: 4) {
      content[index].streams[1].changeFloat(at: place) { $0 * factor }
    }
    return "\(factor) times all steps of \(content[index].name)"
  }

  mutating func changeStep() -> String {
    let index = grid()
    let rows = content[index].streams[1].count / 4
    let row = number(rows)
    content[index].streams[1].changeFloat(at: 4 * row) { $0 * 1.5 }
    return "the step of row \(row) of \(content[index].name)"
  }
}
