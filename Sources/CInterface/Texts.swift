// The functions have the names of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import Architecture
internal import CClipPack
internal import ClipPack

@c @implementation public func clippack_embed_texts(
  _ model: OpaquePointer?, _ texts: UnsafePointer<UnsafePointer<CChar>?>?,
  _ lengths: UnsafePointer<Int>?, _ count: Int, _ embeddings: UnsafeMutablePointer<Float>?,
  _ cut: UnsafeMutablePointer<Int32>?
) -> Int32 {
  call {
    try unsafe Handle.use(model) { model in
      let encoded = try unsafe Inputs.texts(texts, lengths, count).map(model.ids)
      unsafe try Outputs.fill(embeddings, "embeddings", model.embed(ids: encoded.map(\.ids)))
      unsafe Outputs.fill(cut, encoded.map(\.isTruncated))
    }
  }
}

@c @implementation public func clippack_tokenize(
  _ model: OpaquePointer?, _ texts: UnsafePointer<UnsafePointer<CChar>?>?,
  _ lengths: UnsafePointer<Int>?, _ count: Int, _ ids: UnsafeMutablePointer<Int32>?,
  _ idCounts: UnsafeMutablePointer<Int>?, _ cut: UnsafeMutablePointer<Int32>?
) -> Int32 {
  call {
    try unsafe Handle.use(model) { model in
      let encoded = try unsafe Inputs.texts(texts, lengths, count).map(model.ids)
      guard !encoded.isEmpty else { return }
      let (ids, idCounts) = unsafe (
        try Inputs.unwrap(ids, "ids"), try Inputs.unwrap(idCounts, "id_counts")
      )
      let length = try contextLength(model)
      for (row, (values, _)) in encoded.enumerated() {
        for column in 0..<length {
          unsafe ids[row * length + column] =
            column < values.count ? Int32(clamping: values[column]) : 0
        }
        unsafe idCounts[row] = values.count
      }
      unsafe Outputs.fill(cut, encoded.map(\.isTruncated))
    }
  }
}

@c @implementation public func clippack_embed_ids(
  _ model: OpaquePointer?, _ ids: UnsafePointer<Int32>?, _ idCounts: UnsafePointer<Int>?,
  _ count: Int, _ embeddings: UnsafeMutablePointer<Float>?
) -> Int32 {
  call {
    try unsafe Handle.use(model) { model in
      let length = try contextLength(model)
      try Inputs.check(count, times: length, "texts")
      guard count > 0 else { return }
      let (ids, idCounts) = unsafe (
        try Inputs.unwrap(ids, "ids"), try Inputs.unwrap(idCounts, "id_counts")
      )
      let rows = try (0..<count).map { row in
        let used = unsafe idCounts[row]
        guard 1...length ~= used else {
          throw ArgumentError("text \(row) has \(used) ids, 1 to \(length) are allowed")
        }
        return (0..<used).map { Int(unsafe ids[row * length + $0]) }
      }
      unsafe try Outputs.fill(embeddings, "embeddings", model.embed(ids: rows))
    }
  }
}

private func contextLength(_ model: Model) throws -> Int {
  guard let text = model.graph.text else { throw ModelError.missing(.text) }
  return text.tokens.upperBound
}
