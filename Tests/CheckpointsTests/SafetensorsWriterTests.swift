import Bytes
import Checkpoints
import Tensors
import TestSupport
import Testing

@Suite("A safetensors file")
struct SafetensorsWriterTests {
  let folder = TemporaryFolder()

  /// The bytes that the reference implementation's `save_file` makes of
  /// `{"attn0": float32 0, 1, …, 5 in 1×1×2×3}` (its test of alignment).
  @Test func `is what the reference implementation writes`() throws {
    let values: [Float] = [0, 1, 2, 3, 4, 5]
    let data = values.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
    }
    let path = folder.appending("a.safetensors")
    var writer = try SafetensorsWriter(
      replacing: path, tensors: [.init("attn0", .float32, [1, 1, 2, 3])])
    try unsafe writer.append(data.span.bytes)
    try writer.commit()

    let json = #"{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}"#
    let expected = SafetensorsTests.file(json + String(repeating: " ", count: 7)) + data
    let file = try MappedFile(path)
    #expect(unsafe file.bytes.withUnsafeBytes { unsafe Array($0) } == expected)
  }

  @Test func `is read as it was written`() throws {
    let path = folder.appending("b.safetensors")
    let data = (0..<UInt8(17)).map { $0 }
    var writer = try SafetensorsWriter(
      replacing: path,
      tensors: [
        .init("\"quoted\"\n", .uint8, [3]), .init("é", .float16, [2, 3]), .init("none", .bool, [0]),
        .init("half", .float4E2M1, [4]),
      ], metadata: ["z": "1", "format": "pt"])
    for byte in data { try unsafe writer.append([byte].span.bytes) }
    try writer.commit()

    let file = try Safetensors(path)
    #expect(file.metadata == ["z": "1", "format": "pt"])
    #expect(Set(file.tensors.map(\.name)) == ["\"quoted\"\n", "é", "none", "half"])
    #expect(bytes(file.tensor(named: "\"quoted\"\n")) == [0, 1, 2])
    #expect(bytes(file.tensor(named: "é")) == Array(data[3..<15]))
    #expect(file.tensor(named: "none")?.shape == [0])
    #expect(bytes(file.tensor(named: "half")) == [15, 16])
    #expect(file.entry(named: "other") == nil)
    // Eight bytes of length, the header and the tensors in order are the file.
    let header = try #require(file.verbatimHeader)
    #expect(8 + header.count + data.count == file.file.count)
    #expect(header.count % 8 == 0)
  }

  @Test func `is not there before it is whole`() throws {
    let path = folder.appending("c.safetensors")
    do {
      var writer = try SafetensorsWriter(replacing: path, tensors: [.init("a", .uint8, [2])])
      try unsafe writer.append(([1] as [UInt8]).span.bytes)
    }
    #expect(FileKind(of: path) == nil)
    #expect(try Folder.names(in: folder.path) == [])
  }

  @Test func `is refused with its path`() throws {
    let path = try folder.write([1, 2, 3], "d.safetensors")
    let error = #expect(throws: CheckpointError.self) { try Safetensors(path) }
    #expect(
      error?.description == "\(path): header_size takes 8 bytes, 3 are left (byte 0x0)")
  }

  private func bytes(_ tensor: Tensor?) -> [UInt8]? {
    unsafe tensor?.buffer.bytes.withUnsafeBytes { unsafe Array($0) }
  }
}
