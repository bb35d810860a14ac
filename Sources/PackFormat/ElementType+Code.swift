internal import Tensors

extension ElementType {
  /// The number of each element type in a pack; numbers are never reused.
  private static let codes: [(UInt8, ElementType)] = [
    (1, .uint8), (2, .int8), (3, .uint16), (4, .int16), (5, .float16), (6, .bfloat16),
    (7, .uint32), (8, .int32), (9, .float32), (10, .uint64), (11, .int64), (12, .float64),
    (13, .bool), (14, .complex64), (15, .float8E4M3), (16, .float8E5M2), (17, .float8E8M0),
    (18, .float8E4M3FNUZ), (19, .float8E5M2FNUZ), (20, .float4E2M1), (21, .float6E2M3),
    (22, .float6E3M2),
  ]
  private static let byCode = Dictionary(uniqueKeysWithValues: codes)
  private static let byType = Dictionary(uniqueKeysWithValues: codes.map { ($1, $0) })

  init?(packCode code: UInt8) {
    guard let type = Self.byCode[code] else { return nil }
    self = type
  }

  var packCode: UInt8 {
    guard let code = Self.byType[self] else { preconditionFailure("\(self) has no number") }
    return code
  }
}
