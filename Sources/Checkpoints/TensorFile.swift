public import Bytes
public import Tensors

/// A file of named tensors, whatever its container.
///
/// Names, types and shapes are known when it is open; elements are read when they are asked for, in
/// place where the file holds them in row-major order.
public protocol TensorFile: Sendable {
  /// The whole file, mapped: its path, its length, and whether it has changed.
  var file: MappedFile { get }

  /// `safetensors` or `PyTorch`.
  var format: String { get }

  /// In the order of the file, each name once.
  var tensors: [TensorEntry] { get }

  /// `nil` where the file has no such tensor.
  func entry(named name: String) -> TensorEntry?

  /// The absolute offsets of a tensor's elements, little-endian and in row-major order; `nil` where
  /// the file does not hold them like that.
  ///
  /// - Precondition: the entry is one of this file's.
  func location(of entry: TensorEntry) -> Range<Int>?

  /// A part of a tensor's elements: in place, or a copy where the file holds them in another order.
  ///
  /// - Parameter part: of the bytes that the elements take in row-major order; whole elements.
  /// - Precondition: the entry is one of this file's, and has these bytes.
  func bytes(of entry: TensorEntry, _ part: Range<Int>) -> Buffer

  /// What stands in the file between its first 8 bytes, which are the length of this, and its
  /// tensors, so that these three make the file again; `nil` for a container that comes back as
  /// safetensors.
  var verbatimHeader: Buffer? { get }

  /// Compares the tensors that the file holds with the checksums that it holds; a container without
  /// checksums has nothing to compare.
  func validate() throws(CheckpointError)

  /// What was chosen in reading it and what was left out, a sentence each without a full stop.
  var notes: [String] { get }
}

extension TensorFile {
  public var notes: [String] { [] }
  public func validate() throws(CheckpointError) {}

  /// Lets go of the memory behind a part of a tensor that lies in the file as it is.
  func release(_ entry: TensorEntry, _ part: Range<Int>) {
    guard let start = location(of: entry)?.lowerBound else { return }
    file.release(start + part.lowerBound..<start + part.upperBound)
  }

  /// A whole tensor, in place at whatever alignment the file gives it, or a copy.
  ///
  /// - Precondition: the entry is one of this file's.
  public func tensor(_ entry: TensorEntry) -> Tensor {
    Tensor(entry.elementType, entry.shape, bytes(of: entry, 0..<entry.byteCount))
  }

  /// `nil` where the file has no such tensor.
  public func tensor(named name: String) -> Tensor? { entry(named: name).map(tensor) }
}
