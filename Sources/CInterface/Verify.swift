// The functions have the names of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import Bytes
internal import CClipPack
internal import Checkpoints
internal import ClipPack
internal import Conversion
internal import Evidence
internal import Kernels
internal import PackFormat
internal import PackTools
internal import Platform
internal import SystemPackage

@c @implementation public func clippack_verify(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?,
  _ report: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  unsafe report?.pointee = nil
  return call {
    let path = unsafe try Inputs.path(path, "path")
    let text = unsafe try options == nil ? nil : Inputs.string(options, "options")
    let options = try Options(
      text,
      allowing: [
        "against", "adapter", "tokenizer", "reference", "min_cosine", "compute", "public_key",
        "threads",
      ])
    try naming("\(path)") {
      let pack = try Pack(path, pool: options.pool)
      let objection = try options.path("public_key").flatMap {
        try pack.objection(to: Signing.publicKey($0))
      }
      try pack.validate()
      let compute = try options.one("compute", of: Compute.self) ?? .f32
      let model = try Model(pack, keepingMatrices: false, compute: compute)
      var verification = try verification(of: model, options)
      if let objection { verification.failures.append(objection) }
      unsafe report?.pointee = Outputs.report(try verification.json(of: model))
      guard verification.hasPassed else {
        throw Refusal(verification.failures.joined(separator: "; "))
      }
    }
  }
}

private func verification(of model: Model, _ options: Options) throws -> Verification {
  let least = try options.number("min_cosine")
  guard least.map({ -1...1 ~= $0 }) ?? true else {
    throw ArgumentError("min_cosine is \(plain(least ?? .nan)), -1 to 1 are allowed")
  }
  switch (try options.string("against"), try options.path("reference")) {
  case (nil, nil): return try Verification.ofEvidence(model, minimumCosine: least)
  case (nil, let reference?):
    return try Verification.withReference(reference, model, minimumCosine: least)
  case (let source?, nil):
    let original = try Original(
      Checkpoint(source, adapter: options.path("adapter").map { try Adapter($0) }),
      tokenizerFolder: options.path("tokenizer"))
    return try Verification.against(
      original, model, images: [], texts: [], minimumCosine: least)
  case (.some, .some): throw ArgumentError("against and reference exclude each other")
  }
}
