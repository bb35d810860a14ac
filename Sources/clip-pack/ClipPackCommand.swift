import ArgumentParser
import Bytes
import Concurrency
import Conversion
import Platform

@main
struct ClipPackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clip-pack",
    abstract:
      "Convert CLIP checkpoints to small packs that carry evidence of how closely they match.",
    discussion: """
      clip-pack convert model.safetensors   makes model.clippack and measures it
      clip-pack verify                      repeats the comparison, from the pack alone

      Exit status: 0 done; 1 refused, or a check failed; 2 a file could not be read or written; \
      64 the command line is wrong.
      """,
    version: toolVersion,
    subcommands: [
      Convert.self, Verify.self, Inspect.self, Embed.self, Classify.self, Tokenize.self,
      Preprocess.self, Export.self, Repack.self, Unpack.self, Keygen.self, Sign.self, Bench.self,
    ])

  static func main() {
    openStandardFiles()
    Interruption.cleanUp()
    ReadFiles.remember()
    runOnLargeStack(start)
  }

  /// A wrong command line is one line too; help, results and all else end as the parser ends them.
  ///
  /// - Returns: the exit status.
  fileprivate static func status(saying error: any Error) -> Int32 {
    let status = exitCode(for: error)
    let words = CommandLineWords.given.words
    if status == .success, words.first == "help",
      let topic = words.dropFirst().first(where: { !$0.hasPrefix("-") }), topic != "help",
      !commands.contains(topic)
    {
      sayMissing(topic)
      return ExitCode.validationFailure.rawValue
    }
    if status == .success {
      // Help, the version and completions, which the parser prints without asking whether it can.
      do {
        try emit(
          fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false).map(
            String.init))
      } catch {
        Terminal.say("clip-pack: \(error)")
        return 2
      }
    }
    guard status == .validationFailure else { return status.rawValue }
    let command = words.first { !$0.hasPrefix("-") }
    if let command, !commands.contains(command) {
      sayMissing(command)
    } else {
      let help = (["clip-pack"] + (command.map { [$0] } ?? []) + ["--help"]).joined(separator: " ")
      let text = CommandLineWords.readable(clause(message(for: error)))
      Terminal.say("clip-pack: \(text)\(text.hasSuffix("?") ? " See" : "; see") \(help)")
    }
    return status.rawValue
  }

  private static let commands = configuration.subcommands.map { $0._commandName }

  private static func sayMissing(_ command: String) {
    Terminal.say(
      "clip-pack: there is no command \"\(command)\", there are "
        + commands.joined(separator: ", "))
  }

  /// The parser's sentences as one clause: no lines, no capital, no full stop.
  private static func clause(_ message: String) -> String {
    var clause = message.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }
      .joined(separator: " ").replacing(". Please provide one of", with: ", allowed are")
      .replacing(". Did you mean", with: ", did you mean")
    if clause.hasSuffix(".") { clause.removeLast() }
    guard let first = clause.first, clause.dropFirst().first?.isLowercase == true else {
      return clause
    }
    return first.lowercased() + clause.dropFirst()
  }
}

/// Runs the command and ends the program.
///
/// Not by `exit`: that waits for OpenBLAS's threads, which wait for memory for ever where there is
/// none. Nothing of ours is buffered.
@Sendable private func start() {
  do {
    var command = try ClipPackCommand.parseAsRoot(CommandLineWords.given.words)
    try command.run()
    _exit(0)
  } catch {
    _exit(ClipPackCommand.status(saying: error))
  }
}
