import CLibFuzzer
import Platform
import Readers

/// Which reader is tried: the environment variable `CLIP_PACK_FUZZ` names it.
private let reader: FuzzedReader = {
  let name = unsafe getenv("CLIP_PACK_FUZZ").map { unsafe String(cString: $0) } ?? ""
  guard let reader = FuzzedReader(rawValue: name) else {
    fatalError("CLIP_PACK_FUZZ is \"\(name)\", known are \(FuzzedReader.allCases)")
  }
  return reader
}()

/// One input. A reader may refuse it; a trap or a sanitizer report is a finding.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  reader.read(unsafe Array(UnsafeBufferPointer(start: data, count: count)))
  return 0
}

@main
struct Fuzz {
  static func main() {
    var argc = CommandLine.argc
    var argv = unsafe Optional(CommandLine.unsafeArgv)
    _ = unsafe LLVMFuzzerRunDriver(&argc, &argv, fuzzOne)
  }
}
