package import Bytes
internal import Checkpoints
package import PackFormat
package import SystemPackage
internal import Tensors

/// A file of weights, decoded from a pack, that the model's own library loads.
package struct CheckpointFile {
  /// In the folder of the checkpoint, or below it.
  package let name: String
  private let tensors: [CheckpointTensor]

  /// All of a pack's model.
  ///
  /// - Throws: `FormatError` for a model that no library has in one folder.
  package static func all(of pack: Pack) throws(FormatError) -> [CheckpointFile] {
    try CheckpointTensor.all(of: pack).map { CheckpointFile(name: $0.file, tensors: $0.tensors) }
  }

  /// - Returns: the file's size in bytes.
  package func write(_ pack: Pack, to path: FilePath) throws -> Int {
    var writer = try SafetensorsWriter(
      replacing: path,
      tensors: tensors.map { .init($0.name, $0.parts[0].elementType, $0.shape) },
      metadata: ["format": "pt"])
    for tensor in tensors {
      for part in tensor.parts {
        let decoded = try pack.decoded(part)
        let buffer = tensor.isTransposed ? decoded.transposed : decoded.buffer
        try writer.append(buffer.bytes)
        pack.release(part)
      }
    }
    let count = writer.count
    try writer.commit()
    return count
  }
}
