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

  /// Whether this can be an id of the hub: `<organisation>/<name>`.
  static func isID(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        !part.isEmpty && !part.hasPrefix(".") && !part.contains("..")
          && part.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") }
      }
  }

  /// The folder with the files of a repository's main branch, as of its last download.
  ///
  /// - Throws: `FileError` with the folder that was looked at and the command that fills it.
  func snapshot(of id: String) throws(FileError) -> FilePath {
    let name = "models--" + id.split(separator: "/").joined(separator: "--")
    let repository = folder.appending(name)
    let remedy = "`hf download \(id)` puts it there"
    guard FileKind(of: repository) == .directory else {
      throw FileError(
        "find", FilePath(id),
        "no such file or folder, and no '\(repository)' in the Hugging Face cache; \(remedy)")
    }
    let snapshots = repository.appending("snapshots")
    if let revision = revision(in: repository) {
      let snapshot = snapshots.appending(revision)
      if FileKind(of: snapshot) == .directory { return snapshot }
      throw FileError(
        "find", FilePath(id), "the Hugging Face cache has no '\(snapshot)'; \(remedy)")
    }
    let revisions = (try? Folder.names(in: snapshots)) ?? []
    guard revisions.count == 1, let only = revisions.first else {
      throw FileError(
        "find", FilePath(id),
        "'\(repository)' has no refs/main and \(revisions.count) snapshots; \(remedy)")
    }
    return snapshots.appending(only)
  }

  /// What `refs/main` says; `nil` where it says nothing that can be a folder's name.
  private func revision(in repository: FilePath) -> String? {
    let path = repository.appending("refs").appending("main")
    guard let file = try? MappedFile(path), file.count <= 256 else { return nil }
    let text = unsafe file.bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    let revision = String(text.prefix { !$0.isWhitespace })
    let isName =
      !revision.isEmpty
      && revision.utf8.allSatisfy { byte in
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
          || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
      }
    return isName ? revision : nil
  }
}
