import ArgumentParser
import Bytes
import Quantisation

/// What a pack may cost, or must reach: one of three at most.
struct RateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Instead of --to: stored bits a weight, 2 to 9, also fractions.", valueName: "b"))
  var bits: Double?

  @Option(
    help: ArgumentHelp(
      "Instead of --to: the best pack of at most that many bytes; KB, MB and GB may follow.",
      valueName: "n"))
  var maxBytes: ByteCount?

  @Option(
    help: ArgumentHelp(
      "Instead of --to: the smallest pack whose lowest cosine is at least this.", valueName: "c"))
  var minCosine: Double?

  var rate: Rate? {
    bits.map(Rate.bits) ?? maxBytes.map { .maxBytes($0.value) } ?? minCosine.map(Rate.minCosine)
  }

  func validate() throws {
    guard [bits != nil, maxBytes != nil, minCosine != nil].count(where: { $0 }) <= 1 else {
      throw ValidationError("--bits, --max-bytes and --min-cosine exclude one another.")
    }
    if let bits, !Rate.bitsAllowed.contains(bits) {
      throw ValidationError("--bits is \(bits), 2 to 9 are allowed.")
    }
    if let minCosine, !(0..<1 ~= minCosine) {
      throw ValidationError(
        "--min-cosine is \(minCosine), 0 to below 1 are allowed; --to lossless has 1.")
    }
  }
}

/// A number of bytes as people write it: `80000000`, `80MB`, `0.08GB`; a KB is 1000 bytes.
struct ByteCount: ExpressibleByArgument {
  var value: Int

  init?(argument: String) {
    let units = [("KB", 1e3), ("MB", 1e6), ("GB", 1e9)]
    let unit = units.first { argument.uppercased().hasSuffix($0.0) }
    let number = unit == nil ? argument : String(argument.dropLast(2))
    guard let count = Double(number), count > 0, count * (unit?.1 ?? 1) < 1e15 else { return nil }
    value = Int(saturating: count * (unit?.1 ?? 1))
  }
}
