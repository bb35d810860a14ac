import ArgumentParser
import Bytes
import Quantisation

/// What a pack may cost, or must reach: one of three at most.
struct RateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Instead of --to: stored bits a weight, 2 to 9, also fractions.", valueName: "b"),
    transform: number(from: "2 to 9"))
  var bits: Double?

  @Option(
    help: ArgumentHelp(
      "Instead of --to: the best pack of at most that many bytes; KB, MB and GB may follow.",
      valueName: "n"),
    transform: ByteCount.init)
  var maxBytes: ByteCount?

  @Option(
    help: ArgumentHelp(
      "Instead of --to: the smallest pack whose lowest cosine is at least this.", valueName: "c"),
    transform: number(from: "0 to below 1"))
  var minCosine: Double?

  var rate: Rate? {
    bits.map(Rate.bits) ?? maxBytes.map { .maxBytes($0.value) } ?? minCosine.map(Rate.minCosine)
  }

  func validate() throws {
    guard [bits != nil, maxBytes != nil, minCosine != nil].count(where: { $0 }) <= 1 else {
      throw ValidationError("--bits, --max-bytes and --min-cosine exclude one another.")
    }
    if let bits, !Rate.bitsAllowed.contains(bits) {
      throw ValidationError("--bits is \(plain(bits)), 2 to 9 are allowed.")
    }
    if let minCosine, !(0..<1 ~= minCosine) {
      throw ValidationError(
        "--min-cosine is \(plain(minCosine)), 0 to below 1 are allowed; --to lossless has 1.")
    }
  }
}

/// A number of bytes as people write it: `80000000`, `80MB`, `0.08GB`; a KB is 1000 bytes.
struct ByteCount {
  var value: Int

  /// - Throws: what is needed, for the parser to say.
  init(_ argument: String) throws {
    let units = [("KB", 1e3), ("MB", 1e6), ("GB", 1e9)]
    let unit = units.first { argument.uppercased().hasSuffix($0.0) }
    let number = unit == nil ? argument : String(argument.dropLast(2))
    guard let count = Double(number), count > 0, count * (unit?.1 ?? 1) < 1e15 else {
      throw ValidationError("bytes are needed, such as 60MB or 60000000")
    }
    value = Int(saturating: count * (unit?.1 ?? 1))
  }
}
