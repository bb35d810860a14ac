/// What a pickle says, as data: nothing that it names is ever called.
///
/// Containers and objects are nodes of an arena, so that a pickle that shares or nests them a
/// million times costs no more than it has bytes.
enum PickleValue: Equatable {
  case none
  case bool(Bool)
  case integer(Int)
  /// An integer that an `Int` cannot hold.
  case large
  case number(Double)
  /// Offsets of UTF-8 in the pickle's bytes.
  case text(Range<Int>)
  /// Offsets of bytes in the pickle's bytes.
  case data(Range<Int>)
  /// An index into `PickleTree.globals`.
  case global(Int)
  /// An index into `PickleTree.nodes`.
  case node(Int)
}

/// A value with an identity. Small, because a pickle can ask for a million.
enum PickleNode {
  case list([PickleValue])
  case tuple([PickleValue])
  /// In the order in which the members were set.
  case dictionary([PickleMember])
  indirect case storage(PickledStorage)
  indirect case tensor(PickledTensor)
  /// A value of a class, or the result of a function, of which no more is known.
  indirect case object(PickledObject)
}

/// A member of a dictionary.
struct PickleMember {
  var key: PickleValue
  var value: PickleValue
}

/// What stands for a Python object.
struct PickledObject {
  /// Its class or the function that would make it, an index into `PickleTree.globals`.
  var global: Int
  /// What `__setstate__` would get.
  var state: PickleValue = .none
}
