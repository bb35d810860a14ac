public import Architecture
internal import Bytes
internal import Codecs
internal import Concurrency
public import Kernels
public import PackFormat
internal import Tensors
public import Towers

/// The weights of a pack, read and verified when a tower first asks for them.
public final class PackWeights: Weights {
  private let pack: Pack
  /// The matrices and tables that keep 16-bit codes at full precision: those with no other before
  /// or after them.
  private let edges: Set<String>
  private let keepsMatrices: Bool
  private let compute: Compute
  private let matrices = Locked<[String: Matrix]>([:])
  private let vectors = Locked<[String: [Float]]>([:])
  /// What was read last, while matrices are not kept.
  private let passing = Locked<PackedTensor?>(nil)

  /// - Parameters:
  ///   - keepingMatrices: whether a matrix stays in memory once it has been read; else it goes when
  ///     the caller lets it go.
  ///   - compute: for integers, 16-bit codes of the blocks' matrices are narrowed to 8 bits.
  public init(
    _ pack: Pack, _ graph: NetworkGraph, keepingMatrices: Bool, compute: Compute
  ) {
    self.pack = pack
    edges = Set(graph.parameters.filter(\.isAtEdge).map(\.name))
    keepsMatrices = keepingMatrices
    self.compute = compute
  }

  public func matrix(_ name: String) throws -> Matrix {
    if let known = matrices.withLock({ $0[name] }) { return known }
    let matrix = try read(name)
    if keepsMatrices {
      matrices.withLock { $0[name] = matrix }
      // What has been decoded is not read again.
      if pack.preamble.storage == .compact, let tensor = pack.tensor(name) { pack.release(tensor) }
    } else {
      releasePrevious(pack.tensor(name))
    }
    return matrix
  }

  public func vector(_ name: String) throws -> [Float] {
    if let known = vectors.withLock({ $0[name] }) { return known }
    let vector = try pack.values(of: existing(name)).floats
    if keepsMatrices { vectors.withLock { $0[name] = vector } }
    return vector
  }

  /// Lets go of the file's pages behind the tensor before this one; whoever still holds it reads
  /// them again.
  private func releasePrevious(_ current: PackedTensor?) {
    let previous = passing.withLock { passing in
      defer { passing = current }
      return passing
    }
    if let previous { pack.release(previous) }
  }

  private func read(_ name: String) throws -> Matrix {
    let tensor = try existing(name)
    switch tensor.content {
    case .plain:
      return try Matrix(pack.values(of: tensor))
    case .grid(let codes, _) where codes.elementType == .int16:
      guard compute == .int8, !edges.contains(name) else {
        return try Matrix(pack.decoded(tensor))
      }
      let (codes, steps) = try pack.grid(of: tensor)
      let narrow = Grid.narrow(wideCodes: codes, steps: steps, pool: pack.pool)
      return Matrix(codes: narrow.codes, steps: narrow.steps, pool: pack.pool)
    case .grid:
      let steps = Tensor(.float32, [tensor.rows], try pack.read(tensor, .steps))
      return Matrix(
        panels: try pack.readPanels(tensor), steps: steps.floats, columns: tensor.columns,
        pool: pack.pool)
    case .unknown:
      throw pack.unknownCodec(tensor)
    }
  }

  private func existing(_ name: String) throws(FormatError) -> PackedTensor {
    guard let tensor = pack.tensor(name) else {
      throw FormatError(
        .inconsistent, "the pack lacks it, its network needs it", tensor: name)
    }
    return tensor
  }
}
