internal import Bytes
internal import Checkpoints
internal import Evidence
internal import PackFormat

extension Candidate {
  /// Gives the pack its name.
  ///
  /// - Throws: `Refusal` where a source file is no longer what was read; `FileError`.
  consuming func seal(_ prepared: Preparation) throws -> Conversion.Summary {
    let checkpoint = prepared.checkpoint
    for source in checkpoint.sources where source.file.hasChanged {
      throw Refusal(
        "'\(source.file.path)' has changed while it was read, so the pack would be of no one "
          + "checkpoint; convert again when nobody writes to it", about: source.file.path)
    }
    let (comparison, notes, weightBytes) = (comparison, notes, writer.modelBytes)
    let preamble = try writer.finish()
    return Conversion.Summary(
      sourceBytes: checkpoint.files.reduce(0) { $0 + $1.tensors.file.count },
      packBytes: preamble.fileSize, weightBytes: weightBytes,
      parameterCount: prepared.spec.parameterCount, contentDigest: preamble.contentDigest,
      comparison: comparison,
      notes: checkpoint.assumptions + prepared.spec.notes + prepared.notes + notes)
  }
}
