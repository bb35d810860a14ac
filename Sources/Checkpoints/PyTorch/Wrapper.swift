internal import Bytes

/// A dictionary that may hold a model under one of its keys.
struct Wrapper {
  /// A key whose value holds tensors, and is none of what trainings keep beside models.
  struct Candidate {
    var key: String
    var value: PickleValue
  }

  let members: [PickleMember]
  /// The keys that led here.
  let path: [String]
  /// Those known to be models first; empty where the dictionary is the model itself.
  private(set) var candidates: [Candidate] = []
  /// What lies beside the candidates, for people.
  private(set) var leftOut: [String] = []

  /// How many wrappers may lie in each other.
  static let maximumDepth = 8

  /// Keys that hold models, those first that are preferred where several hold the same.
  private static let known = [
    "state_dict", "model_state_dict", "model", "module", "ema", "model_ema",
  ]

  /// What keys begin with that hold what a training needs beside its model.
  private static let beside = [
    "optim", "lr_", "sched", "scaler", "grad", "amp", "rng", "random", "cuda_rng", "torch_rng",
    "numpy", "callback", "loops", "hyper_parameters", "arg", "opt", "config", "epoch", "step",
    "global_step", "iter", "loss", "best", "metric", "history", "train", "data", "sampler",
  ]

  init(_ members: [PickleMember], _ tree: PickleTree, path: [String]) throws(FormatError) {
    self.members = members
    self.path = path
    guard path.count <= Self.maximumDepth else {
      throw FormatError(
        .unsupported,
        "dictionaries lie in each other (\(path.joined(separator: " › "))…), at most "
          + "\(Self.maximumDepth) are opened")
    }
    var tensors: [String] = []
    for member in members {
      guard let key = tree.text(member.key) else { continue }
      let isBeside = Self.beside.contains { key.lowercased().hasPrefix($0) }
      if tree.tensor(member.value) != nil {
        if !isBeside { tensors.append(key) }
        leftOut.append("\(key) (a tensor)")
      } else if !isBeside, Self.holdsTensors(member.value, tree) {
        candidates.append(Candidate(key: key, value: member.value))
      } else {
        leftOut.append("\(key) (\(tree.kind(member.value)))")
      }
    }
    let isWrapper = candidates.contains {
      tree.members($0.value) != nil || tree.object($0.value) != nil
    }
    guard isWrapper else {
      // Tensors by name, or nothing; the reader of that says what else is there.
      candidates = []
      return
    }
    try refuse(tensors: tensors, tree)
    candidates.sort { Self.rank($0.key) < Self.rank($1.key) }
  }

  /// Beside a model no other tensors of any size may lie: they could belong to it.
  private func refuse(tensors: [String], _ tree: PickleTree) throws(FormatError) {
    for member in members {
      guard let key = tree.text(member.key), tensors.contains(key),
        let tensor = tree.tensor(member.value), tensor.extents.contains(where: { $0 > 1 })
      else { continue }
      throw FormatError(
        .inconsistent,
        "lies beside a set of tensors under \(JSON.quoted(candidates[0].key)), so it is not clear "
          + "which is the model; save the one to use alone", tensor: key)
    }
  }

  private static func rank(_ key: String) -> Int { known.firstIndex(of: key) ?? known.count }

  /// Whether a value holds a tensor: is one, or holds what holds one, up to four deep.
  static func holdsTensors(_ value: PickleValue, _ tree: PickleTree) -> Bool {
    var budget = 100_000
    return holdsTensors(value, tree, depth: 0, &budget)
  }

  /// - Parameter budget: how many values may be looked at, however they are shared; what is larger
  ///   counts as holding some.
  private static func holdsTensors(
    _ value: PickleValue, _ tree: PickleTree, depth: Int, _ budget: inout Int
  ) -> Bool {
    budget -= 1
    guard budget > 0 else { return true }
    if tree.tensor(value) != nil { return true }
    guard depth < 4 else { return false }
    if let object = tree.object(value) {
      return holdsTensors(object.state, tree, depth: depth + 1, &budget)
    }
    if let elements = tree.elements(value) {
      return elements.contains { holdsTensors($0, tree, depth: depth + 1, &budget) }
    }
    return (tree.members(value) ?? []).contains {
      holdsTensors($0.value, tree, depth: depth + 1, &budget)
    }
  }
}
