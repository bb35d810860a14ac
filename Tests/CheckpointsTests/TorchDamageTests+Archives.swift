import Bytes

/// Tensors that do not lie where they say, and archives that contradict themselves.
extension TorchDamageTests {
  static let tensors: [Damage] = [
    Damage(
      name: "a storage that is not there", bytes: { model(Forgery.storage(6, key: "1")) },
      message: "tensor \"a\": has its elements in \"m/data/1\", which is not there"),
    Damage(
      name: "a storage outside", bytes: { model(Forgery.storage(6, key: "../x")) },
      message: "tensor \"a\": has its elements in \"m/data/../x\", which is not there"),
    Damage(
      name: "a storage that claims more (CVE-2026-24747)", bytes: { model(Forgery.storage(7)) },
      message: "tensor \"a\": has a storage of 28 bytes, \"m/data/0\" has 24 (byte 0x10b)"),
    Damage(
      name: "a storage of 2⁶³ − 1 elements", bytes: { model(Forgery.storage(.max)) },
      message: "tensor \"a\": has a storage of 9223372036854775807 elements"),
    Damage(
      name: "another type of the same storage",
      bytes: { model(Forgery.storage(6, "DoubleStorage")) },
      message: "tensor \"a\": has a storage of 48 bytes, \"m/data/0\" has 24 (byte 0x10c)"),
    Damage(
      name: "the device meta", bytes: { model(Forgery.storage(6, location: "meta")) },
      message:
        "tensor \"a\": is on the device \"meta\", which has no elements; save the loaded model"),
    Damage(
      name: "a negative stride", bytes: { model(sizes: [2, 3], strides: [3, -1]) },
      message:
        "tensor \"a\": has the sizes [2, 3], the strides [3, -1] and the offset 0, which lead "
        + "out of its storage of 6 elements"),
    Damage(
      name: "a stride that overflows", bytes: { model(sizes: [2, 3], strides: [.max, .max]) },
      message: "tensor \"a\": has the sizes [2, 3], the strides [9223372036854775807, "
        + "9223372036854775807] and the offset 0, which lead out of its storage of 6 elements"),
    Damage(
      name: "an element too far", bytes: { model(offset: 1) },
      message:
        "tensor \"a\": has the sizes [2, 3], the strides [3, 1] and the offset 1, which lead "
        + "out of its storage of 6 elements"),
    Damage(
      name: "a negative offset", bytes: { model(offset: -1) },
      message:
        "tensor \"a\": has the sizes [2, 3], the strides [3, 1] and the offset -1, which lead "
        + "out of its storage of 6 elements"),
    Damage(
      name: "a negative size", bytes: { model(sizes: [2, -3], strides: [3, 1]) },
      message: "tensor \"a\": has the sizes [2, -3] and the strides [3, 1]"),
    Damage(
      name: "more sizes than strides", bytes: { model(sizes: [2, 3], strides: [1]) },
      message: "tensor \"a\": has the sizes [2, 3] and the strides [1]"),
    Damage(
      name: "2⁶² elements of one", bytes: { model(sizes: [1 << 62], strides: [0]) },
      message: "tensor \"a\": has the sizes [4611686018427387904] and the strides [0]"),
    Damage(
      name: "100 million elements of one", bytes: { model(sizes: [100_000_000], strides: [0]) },
      message: "tensor \"a\": the tensors up to here take 400000000 bytes, the file has 403; four "
        + "times as many and 64 MiB are allowed for tensors that share what is stored"),
  ]

  static let archives: [Damage] = [
    Damage(
      name: "a compressed storage", bytes: { zip { $0.method = 8 } },
      message:
        "tensor \"a\": zip entry \"m/data/0\" is compressed (method 8), torch.save stores it; "
        + "load the file in Python and save it again (byte 0xe5)"),
    Damage(
      name: "an encrypted storage", bytes: { zip { $0.flags = 1 } },
      message: "tensor \"a\": zip entry \"m/data/0\" is encrypted (byte 0xe5)"),
    Damage(
      name: "a local header of another name", bytes: { zip { $0.localName = "m/data/1" } },
      message:
        "tensor \"a\": the zip directory says that \"m/data/0\" begins here, its header does not "
        + "(byte 0xe5)"),
    Damage(
      name: "an entry in the pickle", bytes: { zip { $0.offset = 100 } },
      message: "zip entry \"m/data.pkl\" of 189 bytes overlaps \"m/data/0\" (byte 0x0)"),
    Damage(
      name: "an entry in the directory", bytes: { zip { $0.offset = 420 } },
      message: "zip entry \"m/data/0\" of 24 bytes overlaps the directory (byte 0x1a4)"),
    Damage(
      name: "an entry outside the file", bytes: { zip { $0.offset = 0xffff_fff0 } },
      message: "zip entry \"m/data/0\" of 24 bytes overlaps the directory (byte 0xfffffff0)"),
    Damage(
      name: "an entry longer than its place", bytes: { zip { $0.size = 25 } },
      message: "zip entry \"m/data/0\" of 25 bytes overlaps the directory (byte 0xe5)"),
    Damage(
      name: "two entries of one name",
      bytes: { zip({ _ in }, [.init(name: "m/data/0", bytes: [1])]) },
      message: "two entries of the zip archive are named \"m/data/0\" (byte 0x123)"),
    Damage(
      name: "two folders", bytes: { zip({ _ in }, [.init(name: "n/x", bytes: [1])]) },
      message: "zip entries \"m/data.pkl\" and \"n/x\" lie in two folders, torch writes one (byte "
        + "0x123)"),
    Damage(
      name: "a name that leads out", bytes: { zip({ _ in }, [.init(name: "m/../x", bytes: [1])]) },
      message: "a zip entry is named \"m/../x\", a plain path is required (byte 0x1b6)"),
    Damage(
      name: "a wrong checksum of the pickle",
      bytes: {
        Forgery.zip([
          .init(name: "m/data.pkl", bytes: Forgery.pickle([0x4e]), checksum: 0xdead_beef)
        ])
      },
      message:
        "zip entry \"m/data.pkl\" has the checksum 0x7db5d20d, 0xdeadbeef is stored (byte 0x28)"),
    Damage(
      name: "a byte behind the end", bytes: { model() + [0] },
      message:
        "the zip archive does not end with an end record (50 4b 05 06) and no comment: it is "
        + "cut short, or something was appended (byte 0x192)"),
    Damage(
      name: "big-endian elements",
      bytes: {
        Forgery.archive(
          Forgery.pickle(Forgery.sound),
          more: [.init(name: "m/byteorder", bytes: Array("big".utf8))])
      },
      message: "m/byteorder is \"big\", \"little\" is read (byte 0x10e)"),
    Damage(
      name: "a version of the future",
      bytes: {
        Forgery.archive(
          Forgery.pickle(Forgery.sound), more: [.init(name: "m/version", bytes: Array("11\n".utf8))]
        )
      },
      message: "m/version is \"11\\n\", 1 to 10 are read (byte 0x10c)"),
    Damage(
      name: "arrays of NumPy", bytes: { Forgery.zip([.init(name: "a.npy", bytes: [1])]) },
      message: "is an archive of NumPy arrays (.npz), as big_vision and JAX write it; open_clip or "
        + "transformers convert it, and save_pretrained writes what is read here (byte 0x0)"),
    Damage(
      name: "any other archive", bytes: { Forgery.zip([.init(name: "a.txt", bytes: [1])]) },
      message:
        "is a zip archive without a \"data.pkl\", so torch.save did not write it; unpack it, or "
        + "download it again (byte 0x0)"),
  ]
}
