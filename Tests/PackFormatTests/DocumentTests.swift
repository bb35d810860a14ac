import Bytes
import Kernels
import Testing

@testable import PackFormat

/// The sections `evidence` and `provenance`: what is written reads back, and what is not understood
/// is refused.
struct DocumentTests {
  private static let evidence = """
    {"probes":{"images":8,"texts":16,"origin":"built-in"},"min_cosine":0.9997,"logit_scale":100.0,\
    "logit_bias":0.0,"compute":"int8","reached":[{"image_cosine_min":0.9998,\
    "image_centred_cosine_min":0.999,"top1_agreement":1.0,"index_depth":3,"index_kept_old":0.98,\
    "weakest":"index_kept_old","weakest_value":0.98,"compute":"f32",\
    "image_stages":[{"stage":"embeddings","relative_error":0.001}]},{"text_cosine_min":null,\
    "weakest":"text_cosine_min","weakest_value":null,"compute":"int8","cosine_to_f32_min":0.9999}],\
    "tensors":[{"name":"a","bits":7.5,"snr_db":40.25},{"name":"b","bits":32.0,"snr_db":null}]}
    """

  private static let provenance = """
    {"tool":"clip-pack 0.1.0","files":[{"name":"model.bin","size":100,"sha256":"ab","tensors":\
    [["x","y"],{"transposed":"z"}],"restored_as":"model.safetensors","restored_size":96},\
    {"name":"a.safetensors","size":7,"sha256":"cd","role":"adapter"}],"space":"ef",\
    "index":"model.safetensors.index.json","assumptions":["gelu"]}
    """

  @Test func `evidence reads back as it was written`() throws {
    let document = try EvidenceDocument(parsing: JSON(parsing: Self.evidence))
    #expect(document.json.description == Self.evidence)
    #expect(document.probes == .init(images: 8, texts: 16, origin: "built-in"))
    #expect(document.minimumCosine == 0.9997 && document.compute == .int8)
    let float32 = try #require(document.reached(in: .f32))
    #expect(float32.measures.lowestCosine == 0.9998)
    #expect(float32.measures.weakest?.measure == .originalIndex)
    #expect(float32.imageStages?.errors == [0.001] && float32.textStages == nil)
    #expect(document.reached(in: .int8)?.measures[.textCosineMinimum]?.isNaN == true)
    #expect(document.reached(in: .bf16) == nil)
    #expect(document.tensors.map(\.signalToNoise) == [40.25, nil])
  }

  @Test func `evidence of before there were several kinds of computation is float32`() throws {
    let json = try JSON(parsing: #"{"reached":[{"image_cosine_min":1}],"extra":1}"#)
    let document = try EvidenceDocument(parsing: json)
    #expect(document.compute == .f32)
    #expect(document.reached(in: .f32)?.measures.lowestCosine == 1)
    // One of a later program is none that this one knows.
    let later = try EvidenceDocument(parsing: JSON(parsing: #"{"compute":"int4"}"#))
    #expect(later.compute == nil)
  }

  @Test func `provenance reads back as it was written`() throws {
    let document = try ProvenanceDocument(parsing: JSON(parsing: Self.provenance))
    #expect(document.json.description == Self.provenance)
    #expect(document.files.map(\.role) == [nil, .adapter])
    #expect(document.files[0].tensors == [.inOrder(["x", "y"]), .transposed("z")])
    #expect(document.files[0].restoredName == "model.safetensors")
    #expect(document.files[1].tensors == nil)
  }

  @Test func `provenance keeps the bytes of a name that is not UTF-8`() throws {
    // "a", 0xff, ".bin".
    let text = #"{"files":[{"name_base64":"Yf8uYmlu","size":1,"sha256":"b"}],"assumptions":[]}"#
    let document = try ProvenanceDocument(parsing: JSON(parsing: text))
    #expect(document.json.description == text)
    #expect(document.files[0].nameBytes == [0x61, 0xff, 0x2e, 0x62, 0x69, 0x6e])
    #expect(document.files[0].name == "a\u{fffd}.bin")
  }

  @Test(arguments: [
    ("[]", "[] stands where an object is needed"),
    (#"{"min_cosine":"1"}"#, #"min_cosine is "1", a number is needed"#),
    (#"{"compute":8}"#, "compute is 8, a string is needed"),
    (#"{"probes":{"images":-1}}"#, "images is -1, a count is needed"),
    (#"{"reached":{}}"#, "reached is an object of 0 members, an array is needed"),
    (#"{"reached":[{},3]}"#, "reached[1]: 3 stands where an object is needed"),
    (
      #"{"reached":[{"text_cosine_min":true}]}"#,
      "reached[0]: text_cosine_min is true, a number is needed"
    ),
    (
      #"{"reached":[{"image_stages":[{"relative_error":1}]}]}"#,
      "reached[0]: image_stages[0]: an object of 1 members has no stage"
    ),
    (
      #"{"tensors":[{"name":"a"}]}"#,
      "tensors[0]: an object of 1 members lacks name or bits"
    ),
  ])
  func `evidence of other kinds is refused`(text: String, message: String) {
    let error = #expect(throws: FormatError.self) {
      try EvidenceDocument(parsing: JSON(parsing: text))
    }
    #expect(error?.description == message)
  }

  @Test(arguments: [
    ("7", "7 stands where an object is needed"),
    (#"{"tool":[]}"#, "tool is [], a string is needed"),
    (#"{"space":5}"#, "space is 5, a string is needed"),
    (#"{"files":[{"name":"a"}]}"#, "files[0]: it lacks one of name, size and sha256"),
    (
      #"{"files":[{"name_base64":"a","size":1,"sha256":"b"}]}"#,
      "files[0]: name_base64: 1 characters are no whole base64"
    ),
    (
      #"{"files":[{"name":"a","size":-1,"sha256":"b"}]}"#,
      "files[0]: size is -1, a size is needed"
    ),
    (
      #"{"files":[{"name":"a","size":1,"sha256":"b","tensors":[[]]}]}"#,
      "files[0]: tensors[0]: [] names no tensors"
    ),
    (
      #"{"files":[{"name":"a","size":1,"sha256":"b","tensors":[["x",1]]}]}"#,
      #"files[0]: tensors[0]: ["x", 1] names no tensors"#
    ),
    (#"{"assumptions":[1]}"#, "assumptions[0]: 1 stands where a string is needed"),
  ])
  func `provenance of other kinds is refused`(text: String, message: String) {
    let error = #expect(throws: FormatError.self) {
      try ProvenanceDocument(parsing: JSON(parsing: text))
    }
    #expect(error?.description == message)
  }
}
