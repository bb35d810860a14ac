import Bytes

/// What can be done with a command about an error, by the error's code. The library, which has no
/// options, names none.
enum Hint {
  private static let all = [
    "cosineOutOfReach": "--to lossless has a cosine of 1",
    "evidenceForbidden": "leave out --no-evidence",
    "exists": "--overwrite replaces it",
    "isInput": "give the output another name",
    "noAnswer": "convert --no-evidence makes a pack that claims nothing of its answers",
    "noEvidence": "verify it with --against SOURCE or --reference FILE",
    "noTokenizer": "convert the checkpoint with --tokenizer DIR",
    "noTower": "convert the checkpoint with --towers both",
    "notFinite": "--allow-non-finite keeps the tensor as it is, and so does --to lossless",
    "otherSpace": "--overwrite replaces them",
    "overflow": "--to bf16, int8 or lossless can carry them",
  ]

  /// The error's line with what can be done.
  static func line(of error: any Error) -> String {
    guard let failure = error as? any Failure, let hint = all[failure.code.rawValue] else {
      return "\(error)"
    }
    return "\(failure); \(hint)"
  }
}
