internal import CKernels

/// How elements are taken apart into planes of bytes of one significance, so that an entropy coder
/// meets the compressible bytes alone.
public struct PlaneLayout: Equatable, Sendable {
  /// Bytes an element: 2 or 4.
  public var width: Int
  /// Whether each element is first turned left by one bit, which makes the exponent of float32 and
  /// bfloat16 a byte of its own.
  public var rotates: Bool

  public init(width: Int, rotates: Bool) {
    precondition(width == 2 || width == 4, "planes of \(width)-byte elements")
    self.width = width
    self.rotates = rotates
  }

  /// Writes the planes, most significant first.
  ///
  /// - Precondition: both hold the same whole number of elements.
  public func split(
    _ elements: RawSpan, into planes: inout MutableRawSpan, using isa: InstructionSet = .widest
  ) {
    check(elements.byteCount, planes.byteCount)
    let count = elements.byteCount / width
    unsafe elements.withUnsafeBytes { elements in
      unsafe planes.withUnsafeMutableBytes { planes in
        guard let from = elements.baseAddress, let to = planes.baseAddress else { return }
        let bytes = unsafe to.assumingMemoryBound(to: UInt8.self)
        if width == 2 {
          unsafe ck_split_planes_16(from, bytes, count, rotates, isa.c)
        } else {
          unsafe ck_split_planes_32(from, bytes, count, rotates, isa.c)
        }
      }
    }
  }

  /// Puts the elements together again: what `split` took apart.
  public func merge(
    _ planes: RawSpan, into elements: inout MutableRawSpan, using isa: InstructionSet = .widest
  ) {
    check(elements.byteCount, planes.byteCount)
    let count = elements.byteCount / width
    unsafe planes.withUnsafeBytes { planes in
      unsafe elements.withUnsafeMutableBytes { elements in
        guard let from = planes.baseAddress, let to = elements.baseAddress else { return }
        let bytes = unsafe from.assumingMemoryBound(to: UInt8.self)
        if width == 2 {
          unsafe ck_merge_planes_16(bytes, to, count, rotates, isa.c)
        } else {
          unsafe ck_merge_planes_32(bytes, to, count, rotates, isa.c)
        }
      }
    }
  }

  private func check(_ elements: Int, _ planes: Int) {
    precondition(
      elements == planes && elements % width == 0,
      "\(elements) bytes of \(width)-byte elements against \(planes) of planes")
  }
}
