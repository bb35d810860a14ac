extension RawSpan {
  /// A copy.
  public var array: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }

  public subscript(offset: Int) -> UInt8 {
    precondition(0 <= offset && offset < byteCount, "byte \(offset) of \(byteCount)")
    return unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  public func elementsEqual(_ other: [UInt8]) -> Bool {
    unsafe withUnsafeBytes { unsafe $0.elementsEqual(other) }
  }

  /// Whether every byte is zero.
  public var isZero: Bool { firstNonZero == nil }

  /// The offset of the first byte that is not zero.
  public var firstNonZero: Int? {
    unsafe withUnsafeBytes { unsafe $0.firstIndex { $0 != 0 } }
  }

  /// The bytes in hexadecimal, for error messages: `89 43 4c`.
  public var hexadecimal: String {
    array.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}

extension FixedWidthInteger {
  /// For example `0x1f`.
  public var hexadecimal: String { "0x" + String(self, radix: 16) }
}
