import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Conversion
import Export
import PackFormat
import Quantisation
import SystemPackage
import TestSupport

/// Packs of fixtures, and what is exported of them, in a folder that goes with this object.
final class Exports {
  let folder = TemporaryFolder()

  /// Converts without evidence, so that the same pack is made everywhere.
  func model(_ fixture: String, _ target: Recipe.Target = .int8) throws -> Model {
    let path = folder.appending("\(fixture.replacing("/", with: "-")).\(target).clippack")
    let pool = WorkerPool(threads: 2)
    if FileKind(of: path) == nil {
      let conversion = Conversion(
        recipe: Recipe(target: target, towers: .both), makesEvidence: false,
        calibration: .none, pool: pool)
      _ = try conversion.run(Checkpoint(Fixture.path(fixture).string), to: path)
    }
    return try Model(Pack(path, pool: pool), keepingMatrices: false)
  }

  static func bytes(of tensor: PackedTensor, stream: Int, _ pack: Pack) throws -> [UInt8] {
    let buffer = try pack.read(tensor, stream: stream)
    let bytes = buffer.bytes
    return bytes.array
  }

  static func json(_ path: FilePath) throws -> JSON {
    let file = try MappedFile(path)
    return try JSON(parsing: Buffer(file, 0..<file.count).span(of: UInt8.self))
  }

  static func text(_ path: FilePath) throws -> String {
    let file = try MappedFile(path)
    let bytes = file.bytes
    return String(decoding: bytes.array, as: UTF8.self)
  }

  static func digest(_ path: FilePath) throws -> String {
    let file = try MappedFile(path)
    return Digest(of: file.bytes).description
  }
}

extension FilePath {
  /// A file below the folder.
  func below(_ name: String) -> FilePath { appending(FilePath(name).components) }
}
