/// The folder, names and types that one kind of consumer expects.
public enum ONNXLayout: String, CaseIterable, Sendable {
  /// transformers.js and Optimum: as transformers' `…WithProjection`, embeddings not normalised.
  case transformersJS = "transformers.js"
  /// immich's machine-learning service: embeddings normalised, int32 ids.
  case immich
  /// fastembed: embeddings normalised.
  case fastembed
}
