package import SystemPackage

/// A path as a member of an object: under its key as a string, or under `<key>_base64` where its
/// bytes are not UTF-8.
package struct PathMember {
  package let key: String
  package let value: JSON

  package init(_ key: String, _ path: FilePath) {
    let text = String(validating: path.bytes, as: UTF8.self)
    self.key = text == nil ? key + "_base64" : key
    value = text.map(JSON.string) ?? .string(Base64.encode(path.bytes))
  }
}
