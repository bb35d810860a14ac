internal import Bytes

extension Preamble {
  /// What a file is that people take for a pack, as a clause for the error; `nil` for no known
  /// kind.
  static func foreign(_ head: RawSpan, fileSize: Int) -> String? {
    let bytes = (0..<min(16, head.byteCount)).map { head[$0] }
    guard bytes.count == 16 else { return nil }
    // safetensors begins with the size of its header, which is JSON.
    let header = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    if bytes[8] == UInt8(ascii: "{"), header <= UInt64(fileSize) {
      return checkpoint("a safetensors checkpoint")
    }
    if bytes.starts(with: [0x50, 0x4b, 0x03, 0x04]) {
      return checkpoint("a zip archive, as PyTorch writes checkpoints")
    }
    if bytes[0] == 0x80, 2...5 ~= bytes[1] {
      return checkpoint("a pickle, as PyTorch writes checkpoints")
    }
    if bytes.starts(with: Array("GGUF".utf8)) { return "file is GGUF, not a pack" }
    let text = bytes.drop { [0x20, 0x09, 0x0a, 0x0d].contains($0) }
    return text.first == UInt8(ascii: "{") ? "file is JSON, not a pack" : nil
  }

  private static func checkpoint(_ kind: String) -> String {
    "file is \(kind), not a pack; convert it to have one"
  }
}
