package import Architecture
package import Bytes
internal import ClipPack
package import Images
internal import Kernels
package import PackFormat
package import SystemPackage
internal import Tensors
package import Tokenizers
internal import Towers

/// Pictures and texts that both the original and the pack are asked about.
///
/// A pack carries them as what the towers take, so that they mean the same anywhere, years later.
package struct Probes: Sendable {
  /// (count, height, width, 3): 8-bit levels after resize and crop, before normalising.
  package var levels: [UInt8] = []
  /// Height and width of each picture.
  package var imageSize = 0
  /// Token ids, each text from its start to its end token.
  package var texts: [[Int]] = []
  /// Where they came from, for people.
  package var origin: String
  /// What of the user's was left out or cut, a clause each.
  package private(set) var notes: [String] = []

  package var imageCount: Int { imageSize == 0 ? 0 : levels.count / (3 * imageSize * imageSize) }

  /// The image tower's input.
  package func pixels(_ preprocessing: Preprocessing) throws -> [Pixels] {
    var plain = preprocessing
    plain.resize = .none
    plain.crop = nil
    let size = 3 * imageSize * imageSize
    return try (0..<imageCount).map { index in
      try Pixels(
        Picture(
          width: imageSize, height: imageSize,
          levels: Array(levels[index * size..<(index + 1) * size])), plain)
    }
  }
}

extension Probes {
  static let pixelsName = "evidence/pixels"
  static let idsName = "evidence/input_ids"

  /// Probes for a model: the user's pictures and texts where given, else the built-in ones.
  package static func gather(
    graph: NetworkGraph, preprocessing: Preprocessing?, tokenizer: Tokenizer?,
    images: [FilePath], texts: [String]
  ) throws -> Probes {
    var probes = Probes(
      origin: images.isEmpty && texts.isEmpty ? "built-in" : "given by the user")
    if let size = graph.imageSize, let preprocessing {
      probes.imageSize = size
      probes.levels =
        images.isEmpty
        ? ProbePictures.all(size: size).flatMap(\.self)
        : try images.prefix(maximum).flatMap { try levels(of: $0, preprocessing, size) }
      probes.note(images.count, "pictures")
    }
    if let text = graph.text {
      if let tokenizer {
        let limit = text.tokens.upperBound
        let encoded = (texts.isEmpty ? ProbeTexts.all : Array(texts.prefix(maximum))).map {
          tokenizer.encode($0, limit: limit)
        }
        probes.texts = encoded.map { $0.ids.map(Int.init) }
        probes.note(texts.count, "texts")
        let cut = encoded.count(where: \.isTruncated)
        if !texts.isEmpty, cut > 0 {
          probes.notes.append(
            "\(cut) of \(encoded.count) texts \(cut == 1 ? "has" : "have") more than \(limit) "
              + "tokens and \(cut == 1 ? "is" : "are") cut")
        }
      } else {
        probes.texts = ProbeTexts.ids(for: text)
      }
    }
    return probes
  }

  /// Says how many of the user's are not taken.
  private mutating func note(_ count: Int, _ nouns: String) {
    guard count > Self.maximum else { return }
    notes.append(
      "of \(count) \(nouns) the first \(Self.maximum) are taken, as many as a pack keeps")
  }

  /// Refuses pictures and texts of the user's that the model could not be asked about.
  package static func refuseUnusable(
    _ graph: NetworkGraph, _ tokenizer: Tokenizer?, images: [FilePath], texts: [String]
  ) throws(Refusal) {
    if !images.isEmpty, graph.image == nil {
      throw Refusal(
        "there are pictures for evidence, and no image tower to show them to")
    }
    if !texts.isEmpty, graph.text == nil || tokenizer == nil {
      throw graph.text == nil
        ? Refusal("there are texts for evidence, and no text tower to ask")
        : Refusal("there are texts for evidence, and no tokenizer to read them with", .noTokenizer)
    }
  }

  /// As many of the user's as a pack keeps of each kind.
  static let maximum = 64

  /// A picture after resize and crop: its pixels under a normalisation that changes nothing.
  private static func levels(
    of path: FilePath, _ preprocessing: Preprocessing, _ imageSize: Int
  ) throws -> [UInt8] {
    var plain = preprocessing
    plain.rescale = 1
    plain.mean = [0, 0, 0]
    plain.standardDeviation = [1, 1, 1]
    let file = try MappedFile(path)
    let pixels: Pixels
    do { pixels = try Pixels(decoding: Buffer(file, 0..<file.count), plain) } catch {
      throw InputError(path: path, error: error)
    }
    guard pixels.width == imageSize, pixels.height == imageSize else {
      throw Refusal(
        "'\(path)': the preprocessing gives \(pixels.height)×\(pixels.width) pixels, the model "
          + "takes \(imageSize)×\(imageSize)", about: path)
    }
    let plane = imageSize * imageSize
    return (0..<plane).flatMap { index in
      (0..<3).map { UInt8(pixels.values[$0 * plane + index]) }
    }
  }

  /// The probes as tensors of a pack's evidence.
  func write(to writer: inout PackWriter) throws {
    if imageCount > 0 {
      try writer.addEvidence(
        Self.pixelsName, .uint8, [imageCount, imageSize, imageSize, 3], Buffer(levels))
    }
    guard let longest = texts.map(\.count).max() else { return }
    // −1 fills the places after a text's end: no token has that id.
    let ids = texts.flatMap { ids in
      (0..<longest).map { $0 < ids.count ? Int32(ids[$0]) : -1 }
    }
    try writer.addEvidence(
      Self.idsName, .int32, [texts.count, longest], Buffer(littleEndian: ids))
  }

  /// The probes that a pack carries.
  package init(of pack: Pack) throws {
    self.init(origin: "of the pack")
    if let pixels = try pack.evidence(Self.pixelsName, .uint8) {
      let extents = pixels.shape.extents
      guard extents.count == 4, extents[1] == extents[2], extents[3] == 3,
        1...Self.maximum ~= extents[0], pixels.shape.count > 0
      else {
        throw Refusal(
          "\(Self.pixelsName) is \(pixels.shape), [1 to \(Self.maximum), size, size, 3] is needed")
      }
      imageSize = extents[1]
      levels = pixels.buffer.bytes.array
    }
    if let ids = try pack.evidence(Self.idsName, .int32) {
      guard ids.shape.extents.count == 2, 1...Self.maximum ~= ids.rows, ids.shape.count > 0 else {
        throw Refusal(
          "\(Self.idsName) is \(ids.shape), [1 to \(Self.maximum), positions] is needed")
      }
      let span = ids.buffer.span(of: Int32.self)
      for row in 0..<ids.rows {
        var text: [Int] = []
        for i in row * ids.columns..<(row + 1) * ids.columns where span[i] >= 0 {
          text.append(Int(span[i]))
        }
        texts.append(text)
      }
    }
  }
}

extension PackWriter {
  mutating func addEvidence(
    _ name: String, _ type: ElementType, _ shape: Shape, _ buffer: Buffer
  ) throws {
    try add(
      EncodedTensor(
        name: name, tower: nil, isModel: false, elementType: type, shape: shape,
        content: .plain(type, buffer)))
  }
}

extension Pack {
  /// The entry of a tensor of the evidence; `nil` where there is none of that name. What stands
  /// among the attachments, which nothing covers, is no evidence.
  func evidenceTensor(_ name: String) -> PackedTensor? {
    let name = Array(name.utf8)
    for case .tensor(let tensor) in index.evidence.items where Array(tensor.name.utf8) == name {
      return tensor
    }
    return nil
  }

  /// A tensor of the evidence, decoded; `nil` where there is none of that name.
  func evidence(_ name: String, _ type: ElementType) throws -> Tensor? {
    guard let tensor = evidenceTensor(name) else { return nil }
    let decoded = try decoded(tensor)
    guard decoded.elementType == type else {
      throw Refusal("\(name) is \(decoded.elementType.rawValue), \(type.rawValue) is needed")
    }
    return decoded
  }
}
