internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import Tensors
internal import Towers

/// The weights of a checkpoint, in place, in the precision they have.
struct CheckpointWeights: Weights {
  let checkpoint: Checkpoint

  func matrix(_ name: String) throws -> Matrix { try Matrix(checkpoint.tensor(name)) }
  func vector(_ name: String) throws -> [Float] { checkpoint.tensor(name).floats }
}
