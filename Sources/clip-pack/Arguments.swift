public import Architecture
public import ArgumentParser
public import Conversion
public import PackFormat

extension Recipe.Target: ExpressibleByArgument {
  static let names = allCases.map(\.rawValue).joined(separator: ", ")
}
extension Recipe.Towers: ExpressibleByArgument {}
extension Storage: ExpressibleByArgument {}
extension Tower: ExpressibleByArgument {}
