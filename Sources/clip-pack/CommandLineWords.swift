import Bytes
import Platform
import SystemPackage

/// The words of the command line as the parser gets them.
///
/// - Bytes that are not UTF-8 become a zero and two hexadecimal digits, so that they come through;
///   no word has a zero in it otherwise. `FilePath(argument:)` gives them back.
/// - Of a long run of words that are no options, such as a shell makes of `*.jpg`, all but the
///   first become one word, which `Values` takes apart again: the parser's time grows with the
///   square of their number.
/// - A number below zero goes with the option before it, `--threads=-1`, so that the parser does
///   not take it for an option.
struct CommandLineWords {
  /// What of a run the parser sees one by one: more than any command has arguments that are not
  /// the last.
  static let kept = 8
  /// How the word for the rest of a run begins.
  private static let runMark = "\0run"

  private(set) var words: [String] = []
  /// What words for the rest of a run stand for.
  private(set) var runs: [[String]] = []

  /// - Parameter arguments: without the program's name.
  init(_ arguments: [[UInt8]]) {
    var run: [String] = []
    var isPlain = false
    for bytes in arguments {
      let word = Self.word(bytes)
      if isPlain || !word.hasPrefix("-") {
        run.append(word)
        continue
      }
      if let last = run.isEmpty ? words.last : nil, Self.isNegative(word), last.hasPrefix("--"),
        last != "--", !last.contains("=")
      {
        words[words.count - 1] = last + "=" + word
        continue
      }
      end(&run)
      words.append(word)
      isPlain = word == "--"
    }
    end(&run)
  }

  private mutating func end(_ run: inout [String]) {
    words += run.prefix(Self.kept)
    if run.count > Self.kept {
      words.append(Self.runMark + String(runs.count))
      runs.append(Array(run.dropFirst(Self.kept)))
    }
    run = []
  }

  /// `-1`, `-0.5`; not `-0`, an option.
  private static func isNegative(_ word: String) -> Bool { word != "-0" && Double(word) != nil }

  /// UTF-8 as it is, and each byte that is none as a zero and two digits.
  private static func word(_ bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = ""
    var rest = bytes[...]
    while let first = rest.first {
      let length = (1...4).first { String(validating: rest.prefix($0), as: UTF8.self) != nil }
      if let length {
        text += String(decoding: rest.prefix(length), as: UTF8.self)
        rest = rest.dropFirst(length)
      } else {
        text += "\0" + (first < 16 ? "0" : "") + String(first, radix: 16)
        rest = rest.dropFirst()
      }
    }
    return text
  }

  /// What `word` was made of.
  static func bytes(of word: String) -> [UInt8] {
    guard word.utf8.contains(0) else { return Array(word.utf8) }
    var bytes: [UInt8] = []
    var rest = Array(word.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      if byte == 0, let value = UInt8(digits, radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }

  /// The words that one word stands for, itself mostly.
  func expanded(_ word: String) -> [String] {
    guard word.hasPrefix(Self.runMark), let number = Int(word.dropFirst(Self.runMark.count)),
      runs.indices.contains(number)
    else { return [word] }
    return runs[number]
  }

  /// Of `embed PACK WORD`, the second word that no option stands before.
  var wordAfterPack: String? {
    let flags = ["--json", "--quiet", "--jsonl", "--overwrite", "--null", "-0"]
    let plain = words.indices.filter { index in
      guard index > 0, !words[index].hasPrefix("-") else { return false }
      let before = words[index - 1]
      return !before.hasPrefix("-") || before.contains("=") || flags.contains(before)
    }
    return plain.count > 1 ? Self.readable(words[plain[1]]) : nil
  }

  /// A message of the parser's, in which a word for the rest of a run is an ellipsis.
  static func readable(_ message: String) -> String {
    guard message.utf8.contains(0) else { return message }
    let parts = message.split(separator: Self.runMark, omittingEmptySubsequences: false)
    let text = parts.dropFirst().reduce(String(parts.first ?? "")) { text, part in
      text + "…" + part.drop { "0"..."9" ~= $0 }
    }
    return String(decoding: bytes(of: text), as: UTF8.self)
  }

  /// Those that this program was started with.
  static let given = CommandLineWords(
    (1..<max(Int(CommandLine.argc), 1)).compactMap { index in
      unsafe CommandLine.unsafeArgv[index].map { word in
        let count = unsafe strlen(word)
        return (0..<count).map { unsafe UInt8(bitPattern: word[$0]) }
      }
    })
}

extension FilePath {
  /// A path of the command line, with the bytes that the user gave.
  init(argument: String) { self.init(bytes: CommandLineWords.bytes(of: argument)) }
}
