internal import Kernels
public import PackFormat

/// What a pack says of itself, for reports.
public struct Record: Sendable {
  public var tensors: [TensorMeasure] = []
  public var imageStages = StageErrors()
  public var textStages = StageErrors()

  init() {}

  init(_ recorded: Evidence.Recorded) {
    tensors = recorded.tensors
    let reached = recorded.reached(in: .f32)
    imageStages = reached?.imageStages ?? StageErrors()
    textStages = reached?.textStages ?? StageErrors()
  }
}
