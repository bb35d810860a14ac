import ArgumentParser

@main
struct ClipPackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "clip-pack", version: "0.1.0")
}
