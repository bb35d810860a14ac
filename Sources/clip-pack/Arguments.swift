public import Architecture
public import ArgumentParser
public import Datasets
public import Export
public import Kernels
public import PackFormat
import Quantisation

extension Recipe.Target: ExpressibleByArgument {}
extension Recipe.Towers: ExpressibleByArgument {}
extension Storage: ExpressibleByArgument {}
extension CLIPConfiguration.Activation: ExpressibleByArgument {}
extension Tower: ExpressibleByArgument {}
extension Compute: ExpressibleByArgument {}
extension VectorType: ExpressibleByArgument {}
extension ONNXLayout: ExpressibleByArgument {}
extension WeightForm: ExpressibleByArgument {}
