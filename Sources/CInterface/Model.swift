// The functions have the names of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import Architecture
public import CClipPack
internal import ClipPack
internal import Concurrency
internal import Conversion
internal import Evidence
internal import Kernels
internal import PackFormat
internal import Platform
internal import Towers

@c @implementation public func clippack_abi_version() -> Int32 { CLIPPACK_ABI_VERSION }

@c @implementation public func clippack_version() -> UnsafePointer<CChar>? {
  unsafe UnsafePointer(version.start)
}

private nonisolated(unsafe) let version = CString(toolVersion)
private nonisolated(unsafe) let empty = CString("")

@c @implementation public func clippack_last_error() -> UnsafePointer<CChar>? {
  unsafe UnsafePointer((Messages.ofThread.last ?? empty).start)
}

@c @implementation public func clippack_item_error(_ item: Int) -> UnsafePointer<CChar>? {
  unsafe UnsafePointer((Messages.ofThread.items[item] ?? empty).start)
}

@c @implementation public func clippack_free(_ report: UnsafeMutableRawPointer?) {
  unsafe free(report)
}

@c @implementation public func clippack_open(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<clippack_options>?,
  _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  unsafe model?.pointee = nil
  return call {
    let model = unsafe try Inputs.unwrap(model, "model")
    let path = unsafe try Inputs.path(path, "path")
    var threads = WorkerPool.processors
    var compute: Compute?
    if let options = unsafe options {
      let size = unsafe MemoryLayout<clippack_options>.size
      guard unsafe options.pointee.size == size else {
        throw ArgumentError("options.size is \(unsafe options.pointee.size), it must be \(size)")
      }
      if unsafe options.pointee.threads != 0 {
        threads = try Options.checked(threads: Int(unsafe options.pointee.threads))
      }
      if unsafe options.pointee.compute != nil {
        compute = try Options.compute(
          named: unsafe Inputs.string(options.pointee.compute, "compute"))
      }
    }
    unsafe model.pointee = try naming("\(path)") {
      try Handle(path, threads: threads, compute: compute)
    }.pointer
  }
}

@c @implementation public func clippack_close(_ model: OpaquePointer?) {
  unsafe Handle.release(model)
}

@c @implementation public func clippack_get_info(
  _ model: OpaquePointer?, _ info: UnsafeMutablePointer<clippack_info>?
) -> Int32 {
  call {
    try unsafe Handle.use(model) { model in
      let output = unsafe try Inputs.unwrap(info, "info")
      let size = MemoryLayout<clippack_info>.size
      guard unsafe output.pointee.size == size else {
        throw ArgumentError("info.size is \(unsafe output.pointee.size), it must be \(size)")
      }
      var info = clippack_info()
      info.size = size
      info.width = model.graph.width
      if let tower = model.imageTower {
        (info.image_height, info.image_width) = (tower.size.height, tower.size.width)
      }
      if let text = model.graph.text {
        info.context_length = text.tokens.upperBound
        info.vocabulary_size = text.vocabularySize
        info.has_tokenizer = try model.tokenizer == nil ? 0 : 1
      }
      info.threads = model.pool.threads
      copy(model.compute.rawValue, to: &info.compute)
      copy(model.pack.contentDigest.description, to: &info.digest)
      copy(try EmbeddingSpace(model.pack).id, to: &info.space)
      unsafe output.pointee = info
    }
  }
}

/// - Parameter array: of characters, of which one stays zero.
private func copy<Array>(_ text: String, to array: inout Array) {
  unsafe withUnsafeMutableBytes(of: &array) { bytes in
    for (index, byte) in text.utf8.prefix(bytes.count - 1).enumerated() {
      unsafe bytes[index] = byte
    }
  }
}
