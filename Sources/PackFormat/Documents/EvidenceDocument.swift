public import Bytes
public import Kernels

/// The section `evidence` of a pack: what was measured when it was made.
///
/// Specification: `Formats/clippack.md`, section 7.3; the names are the same.
public struct EvidenceDocument: Equatable, Sendable {
  public var probes: Probes
  /// The lowest cosine that `verify` accepts unless told otherwise.
  public var minimumCosine: Double?
  /// The original's factor between cosines and logits, and what is added to them.
  public var logitScale: Double?
  public var logitBias: Double?
  /// What the pack is best computed in; `nil` where this program does not know it.
  public var compute: Compute?
  /// What the pack reached, by what it was computed in.
  public var reached: [Reached]
  public var tensors: [TensorMeasure]

  /// How many probes there are, and where they came from, for people.
  public struct Probes: Equatable, Sendable {
    public var images: Int
    public var texts: Int
    public var origin: String

    public init(images: Int, texts: Int, origin: String) {
      self.images = images
      self.texts = texts
      self.origin = origin
    }
  }

  public init(
    probes: Probes, minimumCosine: Double?, logitScale: Double?, logitBias: Double?,
    compute: Compute?, reached: [Reached], tensors: [TensorMeasure]
  ) {
    self.probes = probes
    self.minimumCosine = minimumCosine
    self.logitScale = logitScale
    self.logitBias = logitBias
    self.compute = compute
    self.reached = reached
    self.tensors = tensors
  }

  /// What the pack reached in one kind of computation; `nil` where it was not measured.
  public func reached(in compute: Compute) -> Reached? {
    reached.last { $0.compute == compute }
  }

  public var json: JSON {
    [
      "probes": [
        "images": .integer(probes.images), "texts": .integer(probes.texts),
        "origin": .string(probes.origin),
      ],
      "min_cosine": minimumCosine.map { JSON(finite: $0) } ?? .null,
      "logit_scale": logitScale.map { JSON(finite: $0) } ?? .null,
      "logit_bias": logitBias.map { JSON(finite: $0) } ?? .null,
      "compute": compute.map { .string($0.rawValue) } ?? .null,
      "reached": .array(reached.map(\.json)), "tensors": .array(tensors.map(\.json)),
    ]
  }

  /// - Throws: `FormatError` for a member of another kind; those that are missing are `nil` or
  ///   empty.
  public init(parsing json: JSON) throws(FormatError) {
    let json = try json.needingObject()
    let probes = json["probes"] ?? .null
    self.init(
      probes: Probes(
        images: try probes.member("images", "a count", \.natural) ?? 0,
        texts: try probes.member("texts", "a count", \.natural) ?? 0,
        origin: try probes.member("origin", "a string", \.string) ?? "unknown"),
      minimumCosine: try json.member("min_cosine", "a number", \.double),
      logitScale: try json.member("logit_scale", "a number", \.double),
      logitBias: try json.member("logit_bias", "a number", \.double),
      compute: Compute(recorded: try json.member("compute", "a string", \.string)),
      reached: try json.members("reached") { (json) throws(FormatError) in
        try Reached(parsing: json)
      },
      tensors: try json.members("tensors") { (json) throws(FormatError) in
        try TensorMeasure(parsing: json)
      })
  }
}

extension EvidenceDocument {
  /// What a pack reached in one kind of computation.
  public struct Reached: Equatable, Sendable {
    /// `nil` for one that this program does not know.
    public var compute: Compute?
    public var measures: Measures
    /// The lowest cosine to the pack's own float32; `nil` for that itself.
    public var cosineToFloat32: Double?
    public var imageStages: StageErrors?
    public var textStages: StageErrors?

    public init(
      _ compute: Compute, _ measures: Measures, cosineToFloat32: Double? = nil,
      imageStages: StageErrors? = nil, textStages: StageErrors? = nil
    ) {
      self.compute = compute
      self.measures = measures
      self.cosineToFloat32 = cosineToFloat32
      self.imageStages = imageStages
      self.textStages = textStages
    }

    var json: JSON {
      var object = measures.json
      object["compute"] = compute.map { .string($0.rawValue) }
      object["cosine_to_f32_min"] = cosineToFloat32.map { JSON(finite: $0) }
      object["image_stages"] = imageStages?.json
      object["text_stages"] = textStages?.json
      return .object(object)
    }

    init(parsing json: JSON) throws(FormatError) {
      let json = try json.needingObject()
      measures = try Measures(parsing: json)
      compute = Compute(recorded: try json.member("compute", "a string", \.string))
      cosineToFloat32 = try json["cosine_to_f32_min"].map { _ throws(FormatError) in
        try json.member("cosine_to_f32_min", "a number", \.double) ?? .nan
      }
      imageStages = try StageErrors("image_stages", of: json)
      textStages = try StageErrors("text_stages", of: json)
    }
  }
}

extension Compute {
  /// Packs of before there were several say nothing and mean float32.
  fileprivate init?(recorded name: String?) {
    guard let name else {
      self = .f32
      return
    }
    self.init(rawValue: name)
  }
}

extension Pack {
  /// What its section `evidence` says; `nil` for a pack that was made without.
  public func evidenceDocument() throws(FormatError) -> EvidenceDocument? {
    guard let json = try json(.evidence) else { return nil }
    do throws(FormatError) { return try EvidenceDocument(parsing: json) } catch {
      throw error.within("section \"evidence\"")
    }
  }
}
