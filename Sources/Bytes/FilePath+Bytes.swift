public import SystemPackage

extension FilePath {
  /// A path of bytes as the system has them, whatever their encoding, up to the first zero.
  public init(bytes: [UInt8]) {
    let string = bytes.prefix { $0 != 0 }.map { CInterop.PlatformChar(bitPattern: $0) } + [0]
    self = unsafe string.withUnsafeBufferPointer {
      unsafe FilePath(platformString: $0.baseAddress!)
    }
  }

  /// The bytes that the system has, which need not be UTF-8.
  public var bytes: [UInt8] {
    unsafe withPlatformString { start in
      var bytes: [UInt8] = []
      var index = 0
      while case let byte = unsafe start[index], byte != 0 {
        bytes.append(UInt8(bitPattern: byte))
        index += 1
      }
      return bytes
    }
  }

  /// Whether its bytes are UTF-8, so that `string` says all of it.
  public var isUTF8: Bool { String(validating: bytes, as: UTF8.self) != nil }
}
