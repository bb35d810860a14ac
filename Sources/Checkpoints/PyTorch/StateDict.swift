internal import Bytes

/// The tensors of a model by name, found in a pickle.
///
/// Training files wrap them: `{"epoch": 3, "state_dict": {…}, "optimizer": {…}}`. One wrapper is
/// taken off and noted, and what lies beside it is listed. Two sets of tensors that differ are
/// refused.
struct StateDict {
  private(set) var members: [(name: String, tensor: PickledTensor)] = []
  /// A sentence each, without a full stop.
  private(set) var notes: [String] = []

  /// - Parameters:
  ///   - isScript: whether attributes of objects are parts of the model, as in TorchScript.
  ///   - storages: where elements are, for comparisons.
  init(
    of tree: PickleTree, isScript: Bool, _ storages: some TorchStorages, _ file: RawSpan
  ) throws(FormatError) {
    if tree.object(tree.root) != nil {
      try self.init(module: tree.root, tree, isScript: isScript)
      return
    }
    guard let root = tree.members(tree.root) else {
      throw FormatError(
        .unsupported, "the file holds \(tree.kind(tree.root)), a model's state_dict is needed")
    }
    try Self.refuseOptimiser(root, tree)
    try self.init(Wrapper(root, tree, path: []), tree, storages, file)
  }

  private init(
    _ wrapper: Wrapper, _ tree: PickleTree, _ storages: some TorchStorages, _ file: RawSpan
  ) throws(FormatError) {
    guard let first = wrapper.candidates.first else {
      try self.init(flat: wrapper.members, tree)
      return
    }
    if wrapper.candidates.count > 1 {
      try Self.refuseDifferent(wrapper.candidates, tree, storages, file)
    }
    if let members = tree.members(first.value) {
      let inner = try Wrapper(members, tree, path: wrapper.path + [first.key])
      try self.init(inner, tree, storages, file)
    } else {
      try self.init(module: first.value, tree, isScript: false)
    }
    let same = wrapper.candidates.dropFirst().map { JSON.quoted($0.key) }.joined(separator: ", ")
    let others = wrapper.leftOut.joined(separator: ", ")
    notes.insert(
      "the model is what the file holds under \(JSON.quoted(first.key))"
        + (same.isEmpty ? "" : ", and the same under \(same)")
        + (others.isEmpty ? "" : "; left out: " + others), at: 0)
  }

  /// A dictionary of tensors by name.
  private init(flat dictionary: [PickleMember], _ tree: PickleTree) throws(FormatError) {
    var leftOut: [String] = []
    var known: Set<String> = []
    for member in dictionary {
      guard let name = tree.text(member.key) else {
        throw FormatError(
          .unsupported, "a tensor's name is \(tree.kind(member.key)), a text is required")
      }
      if let tensor = tree.tensor(member.value) {
        guard known.insert(name).inserted else {
          throw FormatError(.inconsistent, "is there twice", tensor: name)
        }
        members.append((name, tensor))
      } else if try Self.isWithoutEffect(member.value, name, tree) {
        leftOut.append("\(name) (\(tree.kind(member.value)))")
      }
    }
    guard !members.isEmpty else {
      throw FormatError(.unsupported, "the file holds no tensors by name, so it is no model")
    }
    if !leftOut.isEmpty {
      notes.append("left out, being no tensors: " + leftOut.joined(separator: ", "))
    }
  }

  /// Whether a value beside tensors is a plain one.
  private static func isWithoutEffect(
    _ value: PickleValue, _ name: String, _ tree: PickleTree
  ) throws(FormatError) -> Bool {
    if let object = tree.object(value) {
      throw FormatError(
        .unsupported, "is an object of \(tree.globals[object.global]), which is not read",
        tensor: name)
    }
    guard !Wrapper.holdsTensors(value, tree) else {
      throw FormatError(
        .unsupported, "is \(tree.kind(value)) that holds tensors, a tensor is required",
        tensor: name)
    }
    return true
  }

  private static func refuseOptimiser(
    _ root: [PickleMember], _ tree: PickleTree
  ) throws(FormatError) {
    let keys = Set(root.compactMap { tree.text($0.key) })
    guard keys.isSuperset(of: ["state", "param_groups"]) else { return }
    throw FormatError(
      .unsupported,
      "is the state of an optimiser and not a model; the weights are in another file of the "
        + "training, such as pytorch_model.bin")
  }

  // MARK: modules

  /// A whole module: parameters and buffers of it and of all below it.
  private init(
    module root: PickleValue, _ tree: PickleTree, isScript: Bool
  ) throws(FormatError) {
    var walk = ModuleWalk(tree: tree, isScript: isScript)
    try walk.visit(root, prefix: "", depth: 0)
    members = walk.members
    let type = tree.object(root).map { tree.globals[$0.global].description } ?? ""
    guard !members.isEmpty else {
      throw FormatError(
        .unsupported, "the file holds an object of \(type) and no tensors, so it is no model")
    }
    if !isScript {
      notes.append(
        "the file holds a whole module (\(type)); its parameters and buffers are taken by their "
          + "names, its code is not run")
    }
    if !walk.leftOut.isEmpty {
      notes.append("left out, being no tensors by name: " + walk.leftOut.joined(separator: ", "))
    }
  }

  // MARK: two sets

  private static func refuseDifferent(
    _ candidates: [Wrapper.Candidate], _ tree: PickleTree, _ storages: some TorchStorages,
    _ file: RawSpan
  ) throws(FormatError) {
    for other in candidates.dropFirst() {
      let first = candidates[0]
      if let a = tree.members(first.value), let b = tree.members(other.value),
        isSame(a, b, tree, storages, file)
      {
        continue
      }
      throw FormatError(
        .inconsistent,
        "holds two sets of tensors that differ, under \(JSON.quoted(first.key)) and under "
          + "\(JSON.quoted(other.key)); save the one to use alone, in Python: "
          + "torch.save(torch.load(FILE)[\(JSON.quoted(other.key))], \"model.pt\")")
    }
  }

  private static func isSame(
    _ a: [PickleMember], _ b: [PickleMember], _ tree: PickleTree, _ storages: some TorchStorages,
    _ file: RawSpan
  ) -> Bool {
    guard let a = flat(a, tree), let b = flat(b, tree), a.count == b.count else { return false }
    return a.allSatisfy { name, tensor in
      guard let other = b[name] else { return false }
      return tensor == other || isSame(tensor, other, storages, file)
    }
  }

  /// Names and tensors, without a `module.` before all; `nil` where there is anything else.
  private static func flat(
    _ members: [PickleMember], _ tree: PickleTree
  ) -> [String: PickledTensor]? {
    var flat: [String: PickledTensor] = [:]
    for member in members {
      guard let name = tree.text(member.key), let tensor = tree.tensor(member.value) else {
        return nil
      }
      flat[name] = tensor
    }
    guard flat.keys.allSatisfy({ $0.hasPrefix("module.") }) else { return flat }
    return Dictionary(flat.map { (String($0.key.dropFirst(7)), $0.value) }) { first, _ in first }
  }

  private static func isSame(
    _ a: PickledTensor, _ b: PickledTensor, _ storages: some TorchStorages, _ file: RawSpan
  ) -> Bool {
    guard let (entryA, placeA) = try? PyTorchContents.entry("", a, storages),
      let (entryB, placeB) = try? PyTorchContents.entry("", b, storages),
      entryA == entryB, placeA.isContiguous, placeB.isContiguous
    else { return false }
    let count = entryA.byteCount
    return unsafe file.extracting(placeA.start..<placeA.start + count).withUnsafeBytes { a in
      unsafe file.extracting(placeB.start..<placeB.start + count).withUnsafeBytes { b in
        unsafe a.elementsEqual(b)
      }
    }
  }
}
