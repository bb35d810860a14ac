import Architecture
import ArgumentParser
import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Conversion
import Evidence
import PackFormat
import PackTools
import SystemPackage
import Tensors

struct Inspect: Command {
  static let configuration = CommandConfiguration(
    abstract: "Say what is in a pack or a file of weights, without loading it.")

  @Argument(
    help: "A pack, or a file of safetensors or PyTorch.",
    completion: .file(extensions: ["clippack", "safetensors", "bin", "pt", "pth", "ckpt"]))
  var file: String

  @Option(
    help: ArgumentHelp(
      "Write what was signed to PREFIX.msg and the signature to PREFIX.sig, for openssl.",
      valueName: "prefix"))
  var signature: String?

  @OptionGroup var common: Common

  func perform() throws {
    let path = FilePath(argument: file)
    let mapped = try MappedFile(path)
    let first = mapped.bytes.extracting(0..<min(8, mapped.count))
    if first.elementsEqual(Preamble.magic) {
      try naming(file) {
        let pack = try Pack(path, pool: common.pool)
        if let signature { try Signing.extract(pack, to: signature) }
        try emit(common.json ? [try packJSON(pack)] : try packText(pack))
      }
    } else if file.hasSuffix(".clippack") {
      // Not a pack after all: opening it says why.
      try naming(file) { _ = try Pack(path, pool: common.pool) }
    } else {
      let tensors = try Container.open(path)
      try emit(common.json ? [json(tensors)] : text(tensors))
    }
  }

  private func packText(_ pack: Pack) throws -> [String] {
    let preamble = pack.preamble
    var lines = [
      "\(file): clip-pack version 1.\(preamble.minorVersion), \(preamble.storage.rawValue), "
        + size(preamble.fileSize),
      "  \(counted(pack.parameterCount, "weight")), "
        + "\(decimal(pack.bitsPerWeight, 2)) bits each; blocks of \(preamble.blockSize) bytes",
      "  content   \(pack.contentDigest)",
      "  evidence  \(pack.evidenceDigest)",
      "  space     \(try EmbeddingSpace(pack))",
      "  recipe    \(try pack.recipeSummary ?? "none")",
    ]
    for source in try pack.provenanceDocument()?.files ?? [] {
      lines.append(
        "  source    \(source.name.printable()), \(source.size) bytes, "
          + "sha256 \(source.sha256.printable())")
    }
    lines += try pack.signers().map { "  signed by \($0)" }
    lines.append("")
    lines += Table.lines(
      ["tensor", "shape", "holds", "bytes", "bits"],
      pack.index.items.map { item in
        let stored = pack.storedSize(of: item.name)
        switch item {
        case .section(let section):
          return [section.name, "", "section", "\(stored)", ""]
        case .tensor(let tensor):
          let bits = 8 * Double(stored) / Double(max(tensor.shape.count, 1))
          return [
            tensor.name, "\(tensor.shape)", tensor.holding, "\(stored)", decimal(bits, 2),
          ]
        }
      })
    return lines
  }

  private func packJSON(_ pack: Pack) throws -> String {
    let preamble = pack.preamble
    let tensors = pack.tensors.map { tensor in
      let stored = pack.storedSize(of: tensor.name)
      return [
        "name": .string(tensor.name), "shape": .array(tensor.shape.extents.map(JSON.integer)),
        "element_type": .string(tensor.elementType.rawValue),
        "codec": .integer(Int(tensor.content.codec)),
        "tower": .string(tensor.tower?.rawValue ?? "both"),
        "model": .bool(tensor.isModel), "stored_bytes": .integer(stored),
      ] as JSON
    }
    let object: JSON = [
      "format": "clippack", "version": .string("1.\(preamble.minorVersion)"),
      "storage": .string(preamble.storage.rawValue), "pack_bytes": .integer(preamble.fileSize),
      "bits_per_weight": .number(pack.bitsPerWeight),
      "content_digest": .string(pack.contentDigest.description),
      "evidence_digest": .string(pack.evidenceDigest.description),
      "embedding_space": .string(try EmbeddingSpace(pack).id),
      "signatures": .array(try pack.signers().map { .string($0.description) }),
      "network": try pack.json(.network) ?? .null,
      "configuration": try pack.json(.configuration) ?? .null,
      "preprocessing": try pack.json(.preprocessing) ?? .null,
      "recipe": try pack.json(.recipe) ?? .null,
      "provenance": try pack.json(.provenance) ?? .null,
      "evidence": try pack.json(.evidence) ?? .null, "tensors": .array(tensors),
    ]
    return object.description
  }

  private func text(_ file: any TensorFile) -> [String] {
    var lines = [
      "\(self.file): \(file.format), \(size(file.file.count)), "
        + counted(file.tensors.count, "tensor")
    ]
    let metadata = (file as? Safetensors)?.metadata ?? [:]
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      lines.append("  \(key.printable()) = \(value.printable())")
    }
    lines += file.notes.map { "  note: \($0.printable())" }
    lines.append("")
    lines += Table.lines(
      ["tensor", "shape", "type", "bytes"],
      file.tensors.map {
        [$0.name, "\($0.shape)", $0.elementType.rawValue, "\($0.byteCount)"]
      })
    return lines
  }

  private func json(_ file: any TensorFile) -> String {
    let tensors = file.tensors.map {
      [
        "name": .string($0.name), "shape": .array($0.shape.extents.map(JSON.integer)),
        "element_type": .string($0.elementType.rawValue), "stored_bytes": .integer($0.byteCount),
      ] as JSON
    }
    return JSON.object([
      "format": .string(file.format.lowercased()), "bytes": .integer(file.file.count),
      "notes": .array(file.notes.map(JSON.string)), "tensors": .array(tensors),
    ]).description
  }
}

extension PackedTensor {
  /// For example `I8 grid`, or `F16 for F32`.
  fileprivate var holding: String {
    switch content {
    case .grid(let codes, _): "\(codes.elementType.rawValue) grid"
    case .plain(let values):
      values.elementType == elementType
        ? elementType.rawValue : "\(values.elementType.rawValue) for \(elementType.rawValue)"
    case .unknown(let codec, _): "codec \(codec)"
    }
  }
}

/// Rows in columns, as wide as they need to be.
enum Table {
  static func lines(_ header: [String], _ rows: [[String]]) -> [String] {
    let all = [header] + rows.map { $0.map { $0.printable() } }
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      var line = ""
      for (cell, width) in zip(row, widths) {
        line += cell + String(repeating: " ", count: width - cell.count + 2)
      }
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
