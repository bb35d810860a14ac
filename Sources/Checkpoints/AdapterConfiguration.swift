internal import Bytes
internal import SystemPackage

/// What `adapter_config.json` of PEFT says.
struct AdapterConfiguration {
  static let fileName = "adapter_config.json"

  /// What to do with an adapter that was given in place of a model.
  static func guidance(for folder: FilePath) -> String {
    let json = try? JSON(contentsOf: folder.appending(fileName))
    let base = json?["base_model_name_or_path"]?.string.map { " (\(JSON.quoted($0)))" } ?? ""
    return
      "holds an adapter (PEFT) and no model; convert the model that it was trained for\(base), "
      + "and give this as its adapter"
  }
}
