import ArgumentParser
import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Kernels
import SystemPackage
import Towers

/// What every command takes.
struct Common: ParsableArguments {
  @Flag(help: "Print one JSON object on standard output instead of text.")
  var json = false

  @Flag(help: "Print results and errors only.")
  var quiet = false

  @Option(
    help: ArgumentHelp(
      "How many threads work (default: \(WorkerPool.processors)); results do not depend on it.",
      valueName: "n"),
    transform: wholeNumber(from: "1 to 1024"))
  var threads = WorkerPool.processors

  func validate() throws {
    guard 1...1024 ~= threads else {
      throw ValidationError("--threads is \(threads), 1 to 1024 are allowed.")
    }
  }

  var pool: WorkerPool { WorkerPool(threads: threads) }
  var terminal: Terminal { Terminal(isQuiet: quiet || json) }
}

/// What every command takes that runs a model.
struct Computing: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What products are computed in (default: what the pack's evidence recommends)."))
  var compute: Compute?
}

/// A command whose errors become one line and an exit status.
protocol Command: ParsableCommand {
  var common: Common { get }
  func perform() throws
}

extension Command {
  func run() throws {
    do {
      try AddressSpace.check(threads: common.threads)
      try perform()
    } catch let exit as ExitCode {
      throw exit
    } catch {
      Interruption.waitIfEnding()
      PendingFile.removeAll()
      if (error as? FileError)?.errno == .brokenPipe { Interruption.endWithPipe() }
      Terminal.say("clip-pack: \(Hint.line(of: error))")
      throw ExitCode(status(of: error))
    }
  }

  /// 2 for a file that could not be read or written, 1 for anything refused.
  private func status(of error: any Error) -> Int32 {
    switch error {
    case let error as FileError: error.code == .isInput ? 1 : 2
    case CheckpointError.unreadable: 2
    default: 1
    }
  }
}

/// Opens a pack and says its path in what goes wrong.
func open(_ path: String, _ common: Common, _ computing: Computing? = nil) throws -> Model {
  try naming(path) {
    try Model(
      opening: FilePath(argument: path), threads: common.threads, compute: computing?.compute)
  }
}
