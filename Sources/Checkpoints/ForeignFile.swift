internal import Bytes

/// A file that people take for weights and that is something else.
struct ForeignFile {
  /// What it is and what to do, as one clause.
  let sentence: String

  /// `nil` for a file of no known kind.
  init?(of bytes: RawSpan) {
    guard let sentence = Self.sentence(bytes) else { return nil }
    self.sentence = sentence
  }

  private static func sentence(_ bytes: RawSpan) -> String? {
    if bytes.byteCount == 0 { return "is empty; copy or download it again" }
    if let magic = magics.first(where: { bytes.starts(with: $0.0) }) { return magic.1 }
    if bytes.byteCount > 262, bytes.extracting(257..<262).elementsEqual(Array("ustar".utf8)) {
      return
        "is a tar archive; unpack it, or, if PyTorch before 0.1.11 wrote it, load it in an old "
        + "PyTorch and save it again"
    }
    if bytes[0] == 0x80, bytes.byteCount > 1, bytes[1] <= 5 {
      return "is a bare pickle, which torch.save does not write; load it in Python and save its "
        + "tensors with torch.save or safetensors"
    }
    if isONNX(bytes) {
      return
        "is an ONNX model, whose weights have lost their names; convert the checkpoint that it "
        + "was exported from"
    }
    if isMessagePack(bytes) {
      return
        "is MessagePack, as Flax writes it (flax_model.msgpack); load it with from_flax=True in "
        + "transformers 4 and save it with save_pretrained"
    }
    return text(bytes)
  }

  private static let magics: [([UInt8], String)] = [
    (
      [0x89, 0x43, 0x4c, 0x49, 0x50, 0x0d, 0x0a, 0x1a],
      "is a pack already; unpack it to have a checkpoint again"
    ),
    (
      Array("GGUF".utf8),
      "is a GGUF file, whose weights are already rounded; convert the checkpoint it was made from"
    ),
    (
      [0x93] + Array("NUMPY".utf8),
      "is one NumPy array (.npy); save the model's tensors by name with safetensors"
    ),
    (
      [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a],
      "is an HDF5 file, as TensorFlow writes it (tf_model.h5); load it with from_tf=True in "
        + "transformers 4 and save it with save_pretrained"
    ),
    ([0x1f, 0x8b], "is compressed with gzip; unpack it"),
    ([0x28, 0xb5, 0x2f, 0xfd], "is compressed with zstd; unpack it"),
    ([0x42, 0x5a, 0x68], "is compressed with bzip2; unpack it"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "is compressed with xz; unpack it"),
    ([0x89, 0x50, 0x4e, 0x47], "is a PNG picture, a checkpoint is needed"),
    ([0xff, 0xd8, 0xff], "is a JPEG picture, a checkpoint is needed"),
    (Array("%PDF".utf8), "is a PDF document, a checkpoint is needed"),
    ([0x7f, 0x45, 0x4c, 0x46], "is a program or a library, a checkpoint is needed"),
  ]

  /// A message ModelProto: `ir_version`, then the producer's name, a string, or the graph.
  private static func isONNX(_ bytes: RawSpan) -> Bool {
    bytes.byteCount > 16 && bytes[0] == 0x08 && 3...20 ~= bytes[1]
      && (bytes[2] == 0x12 || bytes[2] == 0x3a || bytes[2] == 0x42)
  }

  /// A map with a short text as its first key.
  private static func isMessagePack(_ bytes: RawSpan) -> Bool {
    guard bytes.byteCount > 8 else { return false }
    let key =
      switch bytes[0] {
      case 0x81...0x8f: 1
      case 0xde: 3
      case 0xdf: 5
      default: 0
      }
    return key > 0 && (0xa1...0xbf ~= bytes[key] || bytes[key] == 0xd9)
  }

  private static func text(_ bytes: RawSpan) -> String? {
    let head = bytes.extracting(0..<min(bytes.byteCount, 1024))
    // The last character may be cut.
    let text = unsafe head.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    let isText = text.dropLast().unicodeScalars.allSatisfy {
      $0 != "\u{fffd}" && ($0.value >= 0x20 || "\t\n\r\u{c}".unicodeScalars.contains($0))
    }
    guard isText else { return nil }
    let start = text.drop { $0.isWhitespace }.lowercased()
    if start.hasPrefix("version https://git-lfs") {
      let size = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("size ") }
      return "is a Git LFS pointer"
        + (size.map { " to \($0.dropFirst(5)) bytes" } ?? "")
        + " and not the file itself; `git lfs pull` in its folder fetches that"
    }
    if ["<!doctype", "<html", "<?xml", "<head"].contains(where: start.hasPrefix) {
      return "is a web page, as a download that needs a login or another address leaves it; "
        + "download the file itself"
    }
    return
      "is a text file that begins with \(JSON.quoted(String(text.prefix(40)))), a checkpoint is "
      + "needed"
  }
}
