import Bytes

extension DamageTests {
  /// Rule 6, items.
  static let items = [
    Damage(
      "an unknown kind", .unsupported, "kind is 3, 1 (section) or 2 (tensor) are known (byte 0x17c)"
    ) { $0.bytes[$0.item("w")] = 3 },
    Damage("flags of a section", .invalidField, "flags is 2, 0 or 1 are allowed (byte 0x149)") {
      $0.bytes[$0.item("recipe") + 1] = 2
    },
    Damage("flags of a tensor", .invalidField, "flags is 129, 0 or 1 are allowed (byte 0x17d)") {
      $0.bytes[$0.item("w") + 1] = 0x81
    },
    .item(
      "a name of no bytes", .invalidField, "name is empty or not UTF-8 (byte 0x1ec)",
      Forgery.section([])),
    .item(
      "a name of 1025 bytes", .invalidField,
      "name is 1025 bytes, at most 1024 are allowed (byte 0x1ee)",
      Forgery.section([UInt8](repeating: 0x61, count: 1025))),
    .item(
      "a name that is not UTF-8", .invalidField, "name is empty or not UTF-8 (byte 0x1ec)",
      Forgery.section([0x61, 0xc3])),
    .item(
      "a name with a surrogate", .invalidField, "name is empty or not UTF-8 (byte 0x1ec)",
      Forgery.section([0xed, 0xa0, 0x80])),
    .item(
      "a name twice in a manifest", .inconsistent,
      "name \"w\" stands twice in the index (byte 0x148)", Forgery.section(Array("w".utf8))),
    .item(
      "a name twice in the index", .inconsistent,
      "name \"w\" stands twice in the index (byte 0x148)", Forgery.section(Array("w".utf8)),
      inManifest: 2),
    .item(
      "an unknown required section", .unsupported,
      """
      section "quantum" is required and not known to this program: a newer clip-pack \
      is needed
      """,
      Forgery.section(Array("quantum".utf8), flags: 1), inManifest: 2),
    .item(
      "a section of another role", .inconsistent,
      """
      section "x" is a stream of role 1 and U8, role 0 and U8 are needed (byte 0x1ef)
      """, Forgery.section(Array("x".utf8), role: 1)),
    .item(
      "a section of another type", .inconsistent,
      """
      section "x" is a stream of role 0 and F32, role 0 and U8 are needed (byte 0x1ef)
      """, Forgery.section(Array("x".utf8), type: 9)),
    .item(
      "content that the digest does not cover", .inconsistent,
      """
      section "tokenizer" stands in the attachment manifest, its place is the content \
      manifest
      """,
      Forgery.section(Array("tokenizer".utf8)), inManifest: 2),
    .item(
      "evidence among content", .inconsistent,
      """
      section "evidence" stands in the content manifest, its place is the evidence \
      manifest
      """, Forgery.section(Array("evidence".utf8))),
    .item(
      "weights that the digest does not cover", .inconsistent,
      """
      tensor "x": part of the model stands in the evidence manifest, its place is the \
      content manifest
      """,
      Forgery.tensor("x", flags: 1, shape: [0], streams: [(0, 9, 0)]), inManifest: 1),
    Damage(
      "an unknown tower", .invalidField,
      """
      tower is 3, 0 (both), 1 (image) or 2 (text) are allowed (byte 0x181)
      """
    ) { $0.bytes[$0.afterName("w")] = 3 },
    Damage("an unknown element_type", .unsupported, "element_type 23 is not known (byte 0x183)") {
      $0.bytes[$0.afterName("w") + 2] = 23
    },
    Damage("an element_type of zero", .unsupported, "element_type 0 is not known (byte 0x197)") {
      $0.bytes[$0.streams("w", rank: 2) + 1] = 0
    },
    Damage("a rank of 9", .invalidField, "rank is 9, at most 8 is allowed (byte 0x184)") {
      $0.bytes[$0.afterName("w") + 3] = 9
    },
    .item(
      "no stream", .invalidField, "stream_count is 0, 1 to 16 are allowed (byte 0x1fb)",
      Forgery.tensor("x", codec: 9, shape: [0], streams: [])),
    .item(
      "17 streams", .invalidField, "stream_count is 17, 1 to 16 are allowed (byte 0x1fb)",
      Forgery.tensor(
        "x", codec: 9, shape: [0], streams: Array(repeating: (0, 9, 0), count: 17))),
    .item(
      "an item cut short", .truncated, "size takes 8 bytes, 7 are left (byte 0x1f1)",
      Array(Forgery.section([0x61]).dropLast())),
    .item("an item of one byte", .truncated, "flags takes 1 bytes, 0 are left (byte 0x1eb)", [2]),
  ]

  /// Rule 7, shapes and codecs.
  static let codecs =
    [
      .item(
        "an extent of 2⁶³", .invalidField, "shape [9223372036854775808] overflows (byte 0x1f3)",
        Forgery.tensor("x", shape: [1 << 63], streams: [(0, 9, 0)])),
      .item(
        "2⁶⁴ elements", .invalidField, "shape [4294967296, 4294967296] overflows (byte 0x1f3)",
        Forgery.tensor("x", shape: [1 << 32, 1 << 32], streams: [(0, 9, 0)])),
      .item(
        "columns that overflow behind a zero", .invalidField,
        "shape [0, 4611686018427387904, 4] overflows (byte 0x1f3)",
        Forgery.tensor("x", shape: [0, 1 << 62, 4], streams: [(0, 9, 0)])),
      .item(
        "a size in bytes that overflows", .inconsistent,
        """
        tensor "x": stream of role 0 and 0 bytes stands where role 0 and no bytes are \
        needed for 4611686018427387904 (byte 0x1fb)
        """,
        Forgery.tensor("x", shape: [1 << 62], streams: [(0, 9, 0)])),
      .item(
        "half a byte", .inconsistent,
        """
        tensor "x": stream of role 0 and 0 bytes stands where role 0 and no bytes are \
        needed for 1 (byte 0x1fb)
        """,
        Forgery.tensor("x", type: 20, shape: [1], streams: [(0, 20, 0)])),
      .item(
        "values of another size", .inconsistent,
        """
        tensor "x": stream of role 0 and 0 bytes stands where role 0 and 12 bytes are \
        needed for 3 (byte 0x1fb)
        """,
        Forgery.tensor("x", shape: [3], streams: [(0, 9, 0)])),
      .item(
        "values of another role", .inconsistent,
        """
        tensor "x": stream of role 1 and 0 bytes stands where role 0 and 0 bytes are \
        needed for 0 (byte 0x1fb)
        """,
        Forgery.tensor("x", shape: [0], streams: [(1, 9, 0)])),
      .item(
        "values that do not widen", .inconsistent,
        "tensor \"x\": values of F64 do not widen to F32 (byte 0x1fb)",
        Forgery.tensor("x", shape: [0], streams: [(0, 12, 0)])),
      .item(
        "float16 for bfloat16", .inconsistent,
        "tensor \"x\": values of F16 do not widen to BF16 (byte 0x1fb)",
        Forgery.tensor("x", type: 6, shape: [0], streams: [(0, 5, 0)])),
      .item(
        "two streams of values", .inconsistent,
        "tensor \"x\": codec 0 has 1 streams, 2 are here (byte 0x1fb)",
        Forgery.tensor("x", shape: [0], streams: [(0, 9, 0), (0, 9, 0)])),
      .item(
        "a grid without steps", .inconsistent,
        "tensor \"x\": codec 1 has 2 streams, 1 are here (byte 0x1fb)",
        Forgery.tensor("x", codec: 1, shape: [0], streams: [(1, 2, 0)])),
      .item(
        "a grid of float16", .inconsistent,
        """
        tensor "x": a grid is made of I8 or I16 codes and F32 steps, and decodes to F32 (byte \
        0x1fb)
        """,
        Forgery.tensor("x", codec: 1, type: 5, shape: [0], streams: [(1, 2, 0), (2, 9, 0)])),
      .item(
        "codes without sign", .inconsistent,
        """
        tensor "x": a grid is made of I8 or I16 codes and F32 steps, and decodes to F32 (byte \
        0x1fb)
        """,
        Forgery.tensor("x", codec: 1, shape: [0], streams: [(1, 1, 0), (2, 9, 0)])),
      .item(
        "steps of float64", .inconsistent,
        """
        tensor "x": a grid is made of I8 or I16 codes and F32 steps, and decodes to F32 (byte \
        0x1fb)
        """,
        Forgery.tensor("x", codec: 1, shape: [0], streams: [(1, 2, 0), (2, 12, 0)])),
      .item(
        "steps before codes", .inconsistent,
        """
        tensor "x": stream of role 2 and 0 bytes stands where role 1 and 0 bytes are \
        needed for 0 (byte 0x1fb)
        """,
        Forgery.tensor("x", codec: 1, shape: [0], streams: [(2, 2, 0), (1, 9, 0)])),
      .item(
        "too few steps", .inconsistent,
        """
        tensor "x": stream of role 2 and 0 bytes stands where role 2 and 20 bytes are \
        needed for 5×0 (byte 0x203)
        """,
        Forgery.tensor("x", codec: 1, shape: [5, 0], streams: [(1, 2, 0), (2, 9, 0)])),
      .item(
        "steps whose size overflows to zero", .inconsistent,
        """
        tensor "x": stream of role 2 and 0 bytes stands where role 2 and no bytes are \
        needed for 4611686018427387904×0 (byte 0x203)
        """,
        Forgery.tensor("x", codec: 1, shape: [1 << 62, 0], streams: [(1, 2, 0), (2, 9, 0)])),
      .item(
        "a stream of 2⁶⁴-1 bytes", .truncated,
        """
        stream of 18446744073709551615 bytes has more block digests than the 0 bytes \
        that are left can hold (byte 0x1fe)
        """,
        Forgery.tensor("x", codec: 9, shape: [0], streams: [(0, 1, .max)])),
      .item(
        "a stream of 2⁴⁰ bytes", .truncated,
        """
        stream of 1099511627776 bytes has more block digests than the 0 bytes that are \
        left can hold (byte 0x1fe)
        """,
        Forgery.tensor("x", codec: 9, shape: [0], streams: [(0, 1, 1 << 40)])),
      .item(
        "a stream of one byte without a digest", .truncated,
        "digest is 32 bytes, 0 are left (byte 0x206)",
        Forgery.tensor("x", codec: 9, shape: [0], streams: [(0, 1, 1)])),
    ] as [Damage]
}
