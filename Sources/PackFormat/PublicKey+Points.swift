extension PublicKey {
  /// Whether the bytes are the canonical encoding of a point that is not of low order.
  ///
  /// Of eight points a multiple is the neutral element whatever the message, so that signatures can
  /// be made for them that are good for many messages and that nobody signed. RFC 8032 lets them
  /// pass; a key that somebody holds is never one.
  var isProper: Bool {
    var y = bytes
    y[31] &= 0x7f
    return Self.isBelowPrime(y) && !Self.lowOrder.contains(y)
  }

  /// Whether a little-endian number of 255 bits is less than 2²⁵⁵ − 19.
  private static func isBelowPrime(_ y: [UInt8]) -> Bool {
    y[31] < 0x7f || y[1..<31].contains { $0 < 0xff } || y[0] < 0xed
  }

  /// The ordinates of the points of order 1, 2, 4 and 8, little-endian: 1, −1, 0 and the two whose
  /// doubles have ordinate 0.
  private static let lowOrder: [[UInt8]] = [
    [1] + zeros(31),
    [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    zeros(32),
    [
      0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
      0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
      0xfc, 0x05,
    ],
    [
      0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
      0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
      0x03, 0x7a,
    ],
  ]

  private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
