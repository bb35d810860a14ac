internal import Bytes
package import Checkpoints
internal import ClipPack
internal import Tensors
package import Towers

/// The weights of a checkpoint, in place, in the precision they have.
package struct CheckpointWeights: Weights {
  let checkpoint: Checkpoint

  package init(checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  package func matrix(_ name: String) throws -> Matrix { try Matrix(checkpoint.tensor(name)) }
  package func vector(_ name: String) throws -> [Float] { checkpoint.tensor(name).floats }
}
