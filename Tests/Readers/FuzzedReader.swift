internal import Architecture
internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import Concurrency
internal import Datasets
internal import Evidence
internal import Images
internal import Kernels
internal import PackFormat
internal import Platform
internal import Quantisation
internal import SystemPackage
internal import Tensors
internal import Tokenizers

/// The readers of files from strangers. Each may refuse what it is given and must not trap.
///
/// The fuzzer runs one of them at a time; the tests run all of them on what it has found.
public enum FuzzedReader: String, CaseIterable, Sendable {
  case safetensors, json, configuration, preprocessing, vocabulary, simpleVocabulary, tokenizer
  /// A file of torch.save or torch.jit.save: archive or stream.
  case pytorch
  /// The pickle of an archive that is otherwise sound.
  case pickle
  /// A `tokenizer.json` of any kind.
  case tokenizerJSON
  /// A model of SentencePiece, in every class.
  case sentencePiece
  case bertVocabulary
  /// The section `network` of a pack.
  case network
  /// A configuration of any family but transformers' CLIP.
  case family
  /// `adapter_config.json` of PEFT.
  case adapter
  /// The sections of a tokenizer in a pack: u32 the size of the first, then both.
  case tokenizerSections
  /// A pack as it is.
  case pack
  /// A pack whose checksums are made right first, so that what they protect is reached.
  case sealedPack
  /// The section `evidence` of a sound pack.
  case evidence
  case recipe, provenance
  /// Published answers.
  case published
  /// PNG, JPEG and WebP.
  case picture
  /// An archive of pictures, its headers' checksums made right first.
  case tar
  /// A PEM file of a key, public or private.
  case key

  /// - Returns: whether the bytes were taken.
  @discardableResult
  public func read(_ bytes: [UInt8]) -> Bool { (try? parse(bytes)) != nil }

  private func parse(_ bytes: [UInt8]) throws {
    switch self {
    case .safetensors:
      var input = unsafe ByteReader(bytes.span.bytes)
      _ = try SafetensorsHeader(parsing: &input)
    case .json:
      let json = try JSON(parsing: bytes.span)
      let text = json.description
      let again = try JSON(parsing: text)
      precondition(again == json, "JSON reads what it writes")
    case .configuration:
      let json = try JSON(parsing: bytes.span)
      let openCLIP = try? CLIPConfiguration(openCLIP: json)
      let configuration = try openCLIP ?? CLIPConfiguration(transformers: json)
      _ = try configuration.graph().parameters.count
    case .preprocessing:
      let json = try JSON(parsing: bytes.span)
      _ = try Preprocessing(transformers: json)
    case .vocabulary:
      let merges: [UInt8] = []
      let tokenizer = try Tokenizer(parsingVocabulary: bytes.span, merges: merges.span)
      _ = tokenizer.encode("a photo of a cat", limit: 77)
    case .simpleVocabulary:
      let tokenizer = try Tokenizer(parsingSimpleVocabulary: bytes.span, mergeCount: 500)
      _ = tokenizer.encode("a photo of a cat", limit: 77)
    case .tokenizer:
      let tokenizer = try Tokenizer(parsingTokenizerJSON: bytes.span)
      _ = tokenizer.encode("a photo of a cat", limit: 77)
    case .pytorch: try Self.readTorch(bytes)
    case .pickle: try Self.readTorch(TorchWrapping.archive(bytes))
    case .tokenizerJSON: try Self.use(Tokenizer(tokenizerJSON: bytes.span))
    case .sentencePiece: try Self.readSentencePiece(bytes)
    case .bertVocabulary: try Self.use(Tokenizer(bertVocabulary: bytes.span))
    case .network: try Self.readNetwork(bytes)
    case .family: try Self.readFamily(bytes)
    case .adapter: try Self.inFolder("adapter") { try Self.readAdapter(bytes, in: $0) }
    case .tokenizerSections: try Self.readTokenizerSections(bytes)
    case .pack: try Self.readPack(bytes)
    case .sealedPack: try Self.readPack(Self.sealed(bytes))
    case .evidence: try Self.inFolder("evidence") { try Self.readEvidence(bytes, in: $0) }
    case .recipe:
      let recipe = try Recipe(decoding: JSON(parsing: bytes.span))
      let again = try Recipe(decoding: recipe.json)
      precondition(again == recipe, "a recipe reads what it writes")
    case .provenance:
      let document = try ProvenanceDocument(parsing: JSON(parsing: bytes.span))
      let again = try ProvenanceDocument(parsing: document.json)
      precondition(again == document, "provenance reads what it writes")
    case .published: _ = try PublishedAnswers.parse(bytes)
    case .picture:
      let file = Buffer(bytes)
      _ = try Picture(decoding: file)
    case .tar: try Self.readTar(bytes)
    case .key:
      let text = String(decoding: bytes, as: UTF8.self)
      do { _ = try PublicKey(pem: text) } catch { _ = try SigningKey(pem: text) }
    }
  }

  private static func readTorch(_ bytes: [UInt8]) throws {
    let file = Buffer(bytes)
    let contents = try PyTorchContents(parsing: file)
    for (number, entry) in contents.tensors.enumerated() where entry.byteCount <= 1 << 16 {
      precondition(contents.elements(of: number, in: file).count == entry.byteCount)
    }
  }

  private static func readPack(_ bytes: [UInt8]) throws {
    let path = FilePath("/tmp/clip-pack-fuzz.\(getpid()).\(pthread_self())")
    let file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    _ = try file.closeAfter { try file.writeAll(bytes) }
    defer { unsafe _ = unlink(path.string) }
    let pack = try Pack(path, pool: pool)
    try? pack.validate()
    _ = try? pack.signatures()
    for tensor in pack.tensors { _ = try? pack.decoded(tensor) }
    let model = try Model(pack, keepingMatrices: false)
    _ = try? model.similarity()
  }

  /// In a folder of its own, because a writer looks through the folder for what others left.
  private static func inFolder(_ name: String, _ body: (FilePath) throws -> Void) throws {
    let folder = FilePath("/tmp/clip-pack-fuzz-\(name).\(getpid()).\(pthread_self())")
    unsafe _ = mkdir(folder.string, 0o700)
    defer {
      for name in (try? Folder.names(in: folder)) ?? [] {
        unsafe _ = unlink(folder.appending(name).string)
      }
      unsafe _ = rmdir(folder.string)
    }
    try body(folder)
  }

  /// The bytes as the evidence of a pack with one probe of each kind.
  private static func readEvidence(_ bytes: [UInt8], in folder: FilePath) throws {
    // Mapped, because entropy coding takes longer than reading.
    var writer = try PackWriter(folder.appending("a.clippack"), storage: .mapped, pool: pool)
    try writer.add(.configuration, ["model_type": "clip", "projection_dim": 2])
    writer.beginEvidence()
    for (name, type, shape, size) in [
      ("evidence/pixels", ElementType.uint8, [1, 2, 2, 3] as Shape, 12),
      ("evidence/input_ids", .int32, [1, 3], 12),
      ("evidence/original/image_embeds", .float32, [1, 2], 8),
      ("evidence/original/text_embeds", .float32, [1, 2], 8),
    ] {
      try writer.add(
        EncodedTensor(
          name: name, tower: nil, isModel: false, elementType: type, shape: shape,
          content: .plain(type, Buffer([UInt8](repeating: 0, count: size)))))
    }
    try writer.add(section: SectionName.evidence.rawValue, Buffer(bytes))
    // Read before it gets its name, so that nothing waits for the disk.
    let pack = try writer.readBack()
    _ = try pack.recommendedCompute()
    _ = try pack.readEvidence()
  }

  private static let pool = WorkerPool(threads: 1)

  /// The preamble's sizes, checksums and digests, made to fit the index that it points at.
  ///
  /// Offsets: `Formats/clippack.md`, section 3.
  private static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 160 else { return bytes }
    var result = bytes
    let read = { (offset: Int, size: Int) in
      (0..<size).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * $1) }
    }
    let put = { (bytes: inout [UInt8], value: UInt64, offset: Int, size: Int) in
      for byte in 0..<size { bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
    }
    let start = Int(min(max(read(24, 8), 160), UInt64(bytes.count)))
    put(&result, UInt64(bytes.count), 16, 8)
    put(&result, UInt64(start), 24, 8)
    put(&result, UInt64(bytes.count - start), 32, 8)
    put(&result, UInt64(checksum(Array(bytes[start...]))), 40, 4)
    let content = min(start + Int(read(48, 4)), bytes.count)
    let evidence = min(content + Int(read(52, 4)), bytes.count)
    result.replaceSubrange(64..<96, with: digest(Array(bytes[start..<content])))
    result.replaceSubrange(96..<128, with: digest(Array(bytes[content..<evidence])))
    put(&result, UInt64(checksum(Array(result[..<156]))), 156, 4)
    return result
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 { unsafe crc32(bytes.span.bytes) }

  private static func digest(_ bytes: [UInt8]) -> [UInt8] {
    unsafe Digest(of: bytes.span.bytes).bytes
  }
}
