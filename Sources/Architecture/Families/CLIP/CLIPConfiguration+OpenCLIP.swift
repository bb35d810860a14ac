public import Bytes

extension CLIPConfiguration {
  /// Reads an `open_clip_config.json` of CLIP's own transformers.
  ///
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  public init(openCLIP json: JSON) throws(FormatError) {
    guard let found = try OpenCLIPConfiguration(json).clip else {
      throw FormatError(
        .unsupported,
        "model_cfg describes another model than CLIP, and the tensors are CLIP's in "
          + "transformers' names; put the model's config.json beside the weights")
    }
    self = found
  }
}
