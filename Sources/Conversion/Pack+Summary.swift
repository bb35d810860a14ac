internal import Codecs
public import PackFormat
internal import Tensors

extension Pack {
  /// As large as an `Int` can be where a hostile index claims more.
  public var parameterCount: Int {
    tensors.filter(\.isModel).reduce(0) { sum, tensor in
      let (next, overflow) = sum.addingReportingOverflow(tensor.shape.count)
      return overflow ? .max : next
    }
  }

  public var bitsPerWeight: Double { 8 * Double(modelBytes) / Double(max(parameterCount, 1)) }

  /// The keys whose signature is good, as hexadecimal digits.
  public var signerNames: [String] { ((try? signers()) ?? []).map(\.description) }
}
