internal import Bytes
internal import Platform
internal import SystemPackage

/// The folder where `huggingface_hub` keeps what it has downloaded.
///
/// Layout: `models--<org>--<name>/refs/<branch>` holds a revision, `snapshots/<revision>/` holds
/// the files, as links into `blobs/`.
struct HubCache {
  let folder: FilePath

  /// The place that huggingface_hub would use: `HF_HUB_CACHE`, `HF_HOME/hub`,
  /// `XDG_CACHE_HOME/huggingface/hub` or `~/.cache/huggingface/hub`.
  ///
  /// - Parameter environment: the value of a variable; `nil` or empty where it is not set.
  init(environment: (String) -> String?) {
    func path(_ variable: String) -> FilePath? {
      guard let value = environment(variable), !value.isEmpty else { return nil }
      guard value == "~" || value.hasPrefix("~/"), let home = environment("HOME") else {
        return FilePath(value)
      }
      return FilePath(home + value.dropFirst())
    }
    folder =
      path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? path("HF_HOME")?.appending("hub")
      ?? (path("XDG_CACHE_HOME") ?? (path("HOME") ?? "/").appending(".cache"))
      .appending("huggingface").appending("hub")
  }

  /// A variable of this process.
  static func processEnvironment(_ variable: String) -> String? {
    unsafe getenv(variable).map { unsafe String(cString: $0) }
  }

  /// The folder with the files of a repository at a revision, as of its last download.
  ///
  /// - Throws: `FileError` with the folder that was looked at and the command that fills it.
  func snapshot(of id: HubID) throws(FileError) -> FilePath {
    let name = "models--" + id.repository.split(separator: "/").joined(separator: "--")
    let repository = folder.appending(name)
    let remedy = "`\(id.download)` puts it there"
    guard FileKind(of: repository) == .directory else {
      throw FileError(
        "find", FilePath(id.description),
        "No such file or directory, and no '\(repository)' in the Hugging Face cache; \(remedy)")
    }
    let snapshots = repository.appending("snapshots")
    if let commit = try commit(id.revision ?? "main", in: repository, snapshots) {
      let snapshot = snapshots.appending(commit)
      if FileKind(of: snapshot) == .directory { return snapshot }
      throw FileError(
        "find", FilePath(id.description),
        "the Hugging Face cache has no '\(snapshot)'; \(remedy)")
    }
    let commits = (try? Folder.names(in: snapshots)) ?? []
    guard id.revision == nil, commits.count == 1, let only = commits.first else {
      throw FileError(
        "find", FilePath(id.description),
        "'\(repository)' has no refs/\(id.revision ?? "main") and \(commits.count) snapshots; "
          + remedy)
    }
    return snapshots.appending(only)
  }

  /// The commit of a branch or a tag, or that begins like the revision; `nil` where the cache knows
  /// none.
  private func commit(
    _ revision: String, in repository: FilePath, _ snapshots: FilePath
  ) throws(FileError) -> String? {
    let reference = repository.appending("refs").appending(FilePath(revision).components)
    if let commit = commit(at: reference) { return commit }
    // Short forms of a commit have seven digits, seldom more.
    guard revision.utf8.count >= 7, Self.isCommit(revision) else { return nil }
    let commits = try Folder.names(in: snapshots).filter { $0.hasPrefix(revision) }
    return commits.count == 1 ? commits[0] : nil
  }

  /// What a file in `refs` says; `nil` where it says nothing that can be a folder's name.
  private func commit(at path: FilePath) -> String? {
    guard let file = try? MappedFile(path), file.count <= 256 else { return nil }
    let text = unsafe file.bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    let commit = String(text.prefix { !$0.isWhitespace })
    return Self.isCommit(commit) ? commit : nil
  }

  private static func isCommit(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
          || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
      }
  }
}
