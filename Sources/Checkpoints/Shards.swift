internal import Bytes
internal import SystemPackage

/// The weights of a checkpoint, in one file or in several that an index names.
struct Shards {
  var files: [Checkpoint.File]
  /// The file of each tensor, by the tensor's name in it.
  private(set) var locations: [String: Int]

  /// What was chosen and left out in reading them, a sentence each.
  var notes: [String] {
    files.flatMap { file in
      files.count == 1 ? file.tensors.notes : file.tensors.notes.map { "\(file.name): \($0)" }
    }
  }

  init(_ file: FilePath) throws(CheckpointError) {
    let weights = try Container.open(file)
    files = [Checkpoint.File(name: file.lastComponent?.string ?? "", tensors: weights)]
    locations = Dictionary(uniqueKeysWithValues: weights.tensors.map { ($0.name, 0) })
  }

  /// Adds a file.
  ///
  /// - Throws: `inconsistent` for a tensor that is there already.
  mutating func append(_ name: String, _ path: FilePath) throws(CheckpointError) {
    let weights = try Container.open(path)
    for entry in weights.tensors {
      guard locations.updateValue(files.count, forKey: entry.name) == nil else {
        throw .refused(
          path,
          FormatError(.inconsistent, "is in another file of the model too", tensor: entry.name))
      }
    }
    files.append(Checkpoint.File(name: name, tensors: weights))
  }

  /// Reads an index and opens the files that it names, which lie beside it or below.
  ///
  /// Each tensor of the map must be in the file that the map says. Tensors that the map does not
  /// name are left alone, as transformers does.
  init(index: FilePath) throws(CheckpointError) {
    let map = try Self.map(of: index)
    let folder = index.removingLastComponent()
    var files: [Checkpoint.File] = []
    for name in Set(map.values).sorted() {
      do throws(CheckpointError) {
        let weights = try Container.open(folder.appending(FilePath(name).components))
        files.append(Checkpoint.File(name: name, tensors: weights))
      } catch {
        guard case .unreadable(let cause) = error else { throw error }
        throw .unreadable(
          FileError(cause.verb, cause.path, cause.reason + " ('\(index)' names this file)"))
      }
    }
    let numbers = Dictionary(uniqueKeysWithValues: files.enumerated().map { ($1.name, $0) })
    var locations: [String: Int] = [:]
    for (tensor, name) in map.sorted(by: { $0.key < $1.key }) {
      guard let number = numbers[name],
        files[number].tensors.entry(named: tensor) != nil
      else {
        throw .refused(
          index,
          FormatError(
            .inconsistent, "weight_map says \(JSON.quoted(name)), which has no such tensor",
            tensor: tensor))
      }
      locations[tensor] = number
    }
    self.files = files
    self.locations = locations
  }

  /// `weight_map`: the file of each tensor.
  private static func map(of index: FilePath) throws(CheckpointError) -> [String: String] {
    let json = try JSON(contentsOf: index)
    do throws(FormatError) {
      guard let object = json["weight_map"]?.object, object.count > 0 else {
        let found = json["weight_map"].map { "is " + $0.excerpt } ?? "is missing"
        throw FormatError(
          .invalidField, "weight_map \(found), an object of file names is required")
      }
      var map: [String: String] = [:]
      for key in object.keys { map[key] = try fileName(object[key] ?? .null, key) }
      return map
    } catch { throw .refused(index, error) }
  }

  /// A file in the folder of the index or below it: an index from elsewhere must not reach others.
  private static func fileName(_ json: JSON, _ tensor: String) throws(FormatError) -> String {
    let path = FilePath(json.string ?? "")
    guard let name = json.string, !name.isEmpty, !name.utf8.contains(0), !path.isAbsolute,
      path.components.allSatisfy({ $0.kind == .regular }), path.lastComponent != nil
    else {
      throw FormatError(
        .invalidField,
        "weight_map says \(json.excerpt), the name of a file in the index's folder is required",
        tensor: tensor)
    }
    return name
  }
}

extension JSON {
  /// The longest JSON file that is read. The largest published indices have some 20 MB.
  static let maximumFileSize = 64_000_000

  /// Reads a whole JSON file.
  init(contentsOf path: FilePath) throws(CheckpointError) {
    let file = try MappedFile.opening(path)
    do throws(FormatError) {
      guard file.count <= Self.maximumFileSize else {
        throw FormatError(
          .invalidField,
          "file is \(file.count) bytes, at most \(Self.maximumFileSize) are allowed")
      }
      try unsafe self.init(parsing: file.bytes._unsafeView(as: UInt8.self))
    } catch { throw .refused(path, error) }
  }
}
