// The functions have the names of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import Architecture
public import CClipPack
internal import ClipPack
internal import Images
internal import Towers

@c @implementation public func clippack_embed_files(
  _ model: OpaquePointer?, _ paths: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int,
  _ embeddings: UnsafeMutablePointer<Float>?, _ status: UnsafeMutablePointer<Int32>?
) -> Int32 {
  unsafe embed(model, embeddings, status) { unsafe try Inputs.files(paths, count) }
}

@c @implementation public func clippack_embed_encoded(
  _ model: OpaquePointer?, _ files: UnsafePointer<UnsafeRawPointer?>?,
  _ sizes: UnsafePointer<Int>?, _ count: Int, _ embeddings: UnsafeMutablePointer<Float>?,
  _ status: UnsafeMutablePointer<Int32>?
) -> Int32 {
  unsafe embed(model, embeddings, status) { unsafe try Inputs.encoded(files, sizes, count) }
}

@c @implementation public func clippack_embed_rgb(
  _ model: OpaquePointer?, _ pictures: UnsafePointer<clippack_rgb>?, _ count: Int,
  _ embeddings: UnsafeMutablePointer<Float>?, _ status: UnsafeMutablePointer<Int32>?
) -> Int32 {
  unsafe embed(model, embeddings, status) { unsafe try Inputs.pictures(pictures, count) }
}

private func embed(
  _ model: OpaquePointer?, _ embeddings: UnsafeMutablePointer<Float>?,
  _ status: UnsafeMutablePointer<Int32>?, _ pictures: () throws -> [PictureSource]
) -> Int32 {
  call {
    try unsafe Handle.use(model) { model in
      let results = try model.embed(pictures: pictures())
      unsafe try Outputs.fill(
        embeddings, "embeddings", width: model.graph.width, status, results)
    }
  }
}

@c @implementation public func clippack_embed_pixels(
  _ model: OpaquePointer?, _ pixels: UnsafePointer<Float>?, _ count: Int,
  _ embeddings: UnsafeMutablePointer<Float>?
) -> Int32 {
  call {
    try unsafe Handle.use(model) { model in
      guard let tower = model.imageTower else { throw ModelError.missing(.image) }
      let size = tower.pixelCount
      try Inputs.check(count, times: size, "pictures")
      guard count > 0 else { return }
      let pixels = unsafe try Inputs.unwrap(pixels, "pixels")
      var rows: [[Float]] = []
      for start in stride(from: 0, to: count, by: Model.batchSize) {
        let some = min(Model.batchSize, count - start)
        let values = unsafe UnsafeBufferPointer(start: pixels + start * size, count: some * size)
        rows += try tower.embed(unsafe Span(_unsafeElements: values)).rows
      }
      unsafe try Outputs.fill(embeddings, "embeddings", rows)
    }
  }
}

@c @implementation public func clippack_preprocess_files(
  _ model: OpaquePointer?, _ paths: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int,
  _ pixels: UnsafeMutablePointer<Float>?, _ status: UnsafeMutablePointer<Int32>?
) -> Int32 {
  unsafe preprocess(model, pixels, status) { unsafe try Inputs.files(paths, count) }
}

@c @implementation public func clippack_preprocess_encoded(
  _ model: OpaquePointer?, _ files: UnsafePointer<UnsafeRawPointer?>?,
  _ sizes: UnsafePointer<Int>?, _ count: Int, _ pixels: UnsafeMutablePointer<Float>?,
  _ status: UnsafeMutablePointer<Int32>?
) -> Int32 {
  unsafe preprocess(model, pixels, status) { unsafe try Inputs.encoded(files, sizes, count) }
}

@c @implementation public func clippack_preprocess_rgb(
  _ model: OpaquePointer?, _ pictures: UnsafePointer<clippack_rgb>?, _ count: Int,
  _ pixels: UnsafeMutablePointer<Float>?, _ status: UnsafeMutablePointer<Int32>?
) -> Int32 {
  unsafe preprocess(model, pixels, status) { unsafe try Inputs.pictures(pictures, count) }
}

private func preprocess(
  _ model: OpaquePointer?, _ pixels: UnsafeMutablePointer<Float>?,
  _ status: UnsafeMutablePointer<Int32>?, _ pictures: () throws -> [PictureSource]
) -> Int32 {
  call {
    try unsafe Handle.use(model) { model in
      guard let tower = model.imageTower else { throw ModelError.missing(.image) }
      let results = try model.results(for: pictures()).map { $0.map(\.values) }
      unsafe try Outputs.fill(pixels, "pixels", width: tower.pixelCount, status, results)
    }
  }
}

@c @implementation public func clippack_classify(
  _ model: OpaquePointer?, _ images: UnsafePointer<Float>?, _ count: Int,
  _ labels: UnsafePointer<UnsafePointer<CChar>?>?, _ labelCount: Int,
  _ sentence: UnsafePointer<CChar>?, _ probabilities: UnsafeMutablePointer<Float>?,
  _ cosines: UnsafeMutablePointer<Float>?
) -> Int32 {
  call {
    try unsafe Handle.use(model) { model in
      let width = model.graph.width
      try Inputs.check(count, times: width, "images")
      let sentence = unsafe try sentence == nil ? "{}" : Inputs.string(sentence, "sentence")
      guard sentence.contains("{}") else {
        throw ArgumentError("sentence \"\(sentence)\" has no {} for the label to stand in")
      }
      let labels = unsafe try Inputs.texts(labels, nil, labelCount)
      guard count > 0, !labels.isEmpty else { return }
      let images = unsafe try Inputs.unwrap(images, "images")
      let rows = unsafe Array(UnsafeBufferPointer(start: images, count: count * width))
      let (shares, angles) = try model.scores(of: rows, labels: labels, templates: [sentence])
      if unsafe probabilities != nil {
        unsafe try Outputs.fill(probabilities, "probabilities", [shares])
      }
      if unsafe cosines != nil { unsafe try Outputs.fill(cosines, "cosines", [angles]) }
    }
  }
}
