internal import Tensors

/// What a persistent id says of a storage: a run of elements of one type.
struct PickledStorage: Equatable {
  /// The name of its entry in the archive.
  var key: String
  var type: StorageType
  /// How many elements it has; bytes for one without a type.
  var count: Int
  /// How many are stored under that key, of which views in old files are a part.
  var wholeCount: Int
  /// Its first element among those; 0 but for views in old files.
  var start = 0
  /// Whether it was on no device, so that nobody has its elements.
  var isMeta = false
}

/// What the elements of a storage are.
enum StorageType: Equatable {
  case elements(ElementType)
  /// Bytes; the tensor says what they are.
  case untyped
  /// One that safetensors has no name for, for example `QInt8Storage`.
  case other(String)
}

/// What `torch._utils._rebuild_tensor_v2` would be called with.
struct PickledTensor: Equatable {
  var storage: PickledStorage
  /// The first element, counted in elements.
  var offset: Int
  var extents: [Int]
  /// In elements.
  var strides: [Int]
  /// Where the storage has no type.
  var type: StorageType?
}
