import Bytes
import Checkpoints
import Conversion
import Evidence
import Quantisation
import SystemPackage

extension Convert {
  /// Prints what packs of different sizes reach, and draws it.
  func explore(
    _ conversion: Conversion, _ checkpoint: Checkpoint, _ drawing: FilePath,
    noting notes: [String]
  ) throws {
    let terminal = common.terminal
    for note in notes { terminal.note("note: \(note)") }
    let frontier: Frontier
    do {
      defer { terminal.endProgress() }
      frontier = try naming(source) {
        try conversion.explore(checkpoint, bits: Frontier.usualBits, beside: drawing) {
          show($0, terminal)
        }
      }
    }
    var notes = notes
    if !frontier.leftOut.isEmpty {
      let rates = frontier.leftOut.map { decimal($0, 1) }.joined(separator: ", ")
      notes.append("left out, because nothing that answers is left of the model: \(rates) bits")
      terminal.note("note: \(notes[notes.count - 1])")
    }
    var file = try AtomicFile(replacing: drawing)
    try file.append(text: frontier.svg)
    try file.commit()
    guard !common.json else {
      let written = PathMember("output", drawing)
      let object: JSON.Object = [
        written.key: written.value, "points": .array(frontier.points.map(\.json)),
        "notes": .array(notes.map(JSON.string)),
      ]
      return try emit(JSON.object(object).description)
    }
    let heading = "   bits        pack   image: lowest, mean    text: lowest, mean   best text kept"
    let rows = frontier.points.map { point in
      let agreement = point.agreement
      let cosines = [agreement.image, agreement.text].map { tower in
        tower.map { "\(decimal($0.cosineMinimum, 6))  \(decimal($0.cosineMean, 6))" }
          ?? "                  "
      }
      let kept = agreement.topOneAgreement.map { "\(decimal(100 * $0, 1)) %" } ?? ""
      return [
        decimal(point.bitsPerWeight, 2).leftPadded(to: 7), size(point.packBytes).leftPadded(to: 11),
        cosines[0].leftPadded(to: 20), cosines[1].leftPadded(to: 20), kept.leftPadded(to: 16),
      ].joined(separator: " ")
    }
    try emit([heading] + rows + ["drawn in \(drawing)"])
  }

  func show(_ step: Conversion.Progress, _ terminal: Terminal) {
    switch step {
    case .measuring(let share): terminal.progress("measuring what weights matter", share)
    case .calibrating(let share): terminal.progress("rounding for what layers take in", share)
    case .coding(let share): terminal.progress("coding weights", share)
    case .runningOriginal: terminal.progress("running the original")
    case .runningPack: terminal.progress("running the pack")
    case .finishing: terminal.progress("finishing")
    }
  }
}

extension String {
  fileprivate func leftPadded(to count: Int) -> String {
    String(repeating: " ", count: Swift.max(0, count - self.count)) + self
  }
}
