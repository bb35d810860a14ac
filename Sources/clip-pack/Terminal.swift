import Bytes
import Platform
import SystemPackage

/// What people see while a command runs; results go to standard output, all else to standard error.
struct Terminal {
  let isQuiet: Bool

  /// Whether standard error is a terminal, where progress can be shown.
  private static let isInteractive = isatty(STDERR_FILENO) == 1

  /// Whether colours are welcome on standard output.
  static let hasColour: Bool = {
    let no = unsafe getenv("NO_COLOR").map { unsafe $0.pointee != 0 } ?? false
    return hasTerminalOutput && !no
  }()

  /// Whether standard output is a terminal.
  static let hasTerminalOutput = isatty(STDOUT_FILENO) == 1

  /// Where results go.
  nonisolated(unsafe) fileprivate static var results = FileDescriptor.standardOutput

  /// Has results go to standard error where an output of bytes goes to standard output.
  static func makeWay(for output: FilePath) {
    guard output != "/dev/null", let status = FileStatus(of: FileDescriptor.standardOutput),
      output == "/dev/stdout" || FileStatus(of: output)?.identity == status.identity
    else { return }
    unsafe results = .standardError
  }

  /// A line on standard error, whatever names are in it.
  static func say(_ line: String) {
    _ = try? FileDescriptor.standardError.writeAll((line.printable() + "\n").utf8)
  }

  /// A line that is not needed to understand the result.
  func note(_ line: String) {
    if !isQuiet { Self.say(line) }
  }

  /// Shows how far a step is, in place of what was shown before.
  func progress(_ step: String, _ share: Double? = nil) {
    guard !isQuiet, Self.isInteractive else { return }
    let bar = share.map { share in
      let full = min(max(Int(saturating: (share * 24).rounded()), 0), 24)
      return " " + String(repeating: "█", count: full) + String(repeating: "░", count: 24 - full)
        + " \(Int(saturating: share * 100)) %"
    }
    _ = try? FileDescriptor.standardError.writeAll("\r\u{1b}[K\(step)\(bar ?? " …")".utf8)
  }

  /// Takes away what `progress` has shown.
  func endProgress() {
    guard !isQuiet, Self.isInteractive else { return }
    _ = try? FileDescriptor.standardError.writeAll("\r\u{1b}[K".utf8)
  }

  static func green(_ text: String) -> String { coloured(text, 32) }
  static func red(_ text: String) -> String { coloured(text, 31) }

  private static let escape = "\u{1b}["

  private static func coloured(_ text: String, _ colour: Int) -> String {
    hasColour ? "\(escape)\(colour)m\(text)\(escape)0m" : text
  }

  /// A result as it may be printed: with our own colours, and no other commands to the terminal.
  fileprivate static func printable(_ result: String) -> String {
    guard hasColour else { return result.printable() }
    let colours = ["32m", "31m", "0m"]
    let parts = result.split(separator: escape, omittingEmptySubsequences: false)
    return parts.enumerated().map { index, part in
      let isOurs = colours.contains { part.hasPrefix($0) }
      let text = String(part).printable()
      return index == 0 ? text : (isOurs ? escape : escape.printable()) + text
    }.joined()
  }
}

/// Where a standard file was closed by whoever started this program, opens nothing in its place:
/// else the next file to be opened would take its number, and messages would land in it.
func openStandardFiles() {
  for number: Int32 in 0...2 where fcntl(number, F_GETFD) == -1 {
    _ = unsafe open("/dev/null", O_RDWR)
  }
}

/// Prints a result on standard output, or on standard error where an output goes there.
///
/// What is in a line, names from files too, ends no line: only whoever gives two lines prints two.
///
/// - Throws: `FileError` when it cannot be written there, to a full disk for example.
func emit(_ lines: [String]) throws(FileError) {
  do {
    let results = unsafe Terminal.results
    let text = lines.map { Terminal.printable($0) + "\n" }.joined()
    _ = try results.writeAll(text.utf8)
  } catch {
    if error as? Errno == .brokenPipe { Interruption.endWithPipe() }
    throw FileError("write", "standard output", error)
  }
}

func emit(_ line: String) throws(FileError) { try emit([line]) }
func emit(_ json: JSON) throws(FileError) { try emit(json.description) }

/// 605157884 → `605.2 MB`, in powers of ten as file managers count.
func size(_ bytes: Int) -> String {
  switch bytes {
  case ..<1000: "\(bytes) bytes"
  case ..<1_000_000: "\(decimal(Double(bytes) / 1e3, 1)) kB"
  case ..<1_000_000_000: "\(decimal(Double(bytes) / 1e6, 1)) MB"
  default: "\(decimal(Double(bytes) / 1e9, 2)) GB"
  }
}

/// `1 picture`, `2 pictures`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
