import Architecture
import Bytes
import Checkpoints
import SystemPackage

extension Checkpoint {
  /// What a word of the command line names: a path, of whatever bytes, or a hub id.
  convenience init(
    argument: String, adapter: String?, textTower: String?,
    activation: CLIPConfiguration.Activation?
  ) throws {
    let adapter = try adapter.map { try Adapter(FilePath(argument: $0)) }
    let path = FilePath(argument: argument)
    if path.isUTF8 {
      try self.init(argument, adapter: adapter, textTower: textTower, activation: activation)
    } else {
      try self.init(at: path, adapter: adapter, textTower: textTower, activation: activation)
    }
  }
}
