import ArgumentParser
import Conversion

@main
struct ClipPackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clip-pack",
    abstract: "Convert CLIP checkpoints to small packs that prove they still answer alike.",
    discussion: """
      clip-pack convert model.safetensors   makes model.clippack and measures it
      clip-pack verify                      proves it again, from the pack alone

      Exit status: 0 done; 1 refused, or a check failed; 2 a file could not be read or written; \
      64 the command line is wrong.
      """,
    version: toolVersion,
    subcommands: [
      Convert.self, Verify.self, Inspect.self, Embed.self, Classify.self, Tokenize.self,
      Preprocess.self, Repack.self, Unpack.self, Keygen.self, Sign.self, Bench.self,
    ])

  static func main() {
    Interruption.cleanUp()
    main(nil)
  }
}
