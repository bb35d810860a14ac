/// The id of a model on the Hugging Face hub: `owner/name`, or `owner/name@revision`.
struct HubID {
  /// `owner/name`.
  let repository: String
  /// A branch, a tag or a commit; `nil` for the main branch.
  let revision: String?

  /// `nil` for what can be no id.
  init?(_ text: String) {
    let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    repository = String(halves[0])
    revision = halves.count == 2 ? String(halves[1]) : nil
    guard Self.areNames(repository, 2...2) else { return nil }
    if let revision, !Self.areNames(revision, 1...8) { return nil }
  }

  /// Whether a text is `count` names of files with slashes between them.
  private static func areNames(_ text: String, _ count: ClosedRange<Int>) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return count ~= parts.count
      && parts.allSatisfy { part in
        !part.isEmpty && !part.hasPrefix(".") && !part.contains("..")
          && part.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") }
      }
  }
}

extension HubID: CustomStringConvertible {
  var description: String { repository + (revision.map { "@" + $0 } ?? "") }

  /// The command that puts it into the cache.
  var download: String {
    "hf download \(repository)" + (revision.map { " --revision \($0)" } ?? "")
  }
}
