internal import PackFormat
internal import Towers

extension StageErrors {
  init(_ found: StageSample, with reference: StageSample) {
    self.init()
    for (stage, values) in reference.stages {
      guard let other = found.values[stage.description], other.count == values.count else {
        continue
      }
      var (error, power) = (0.0, 0.0)
      for (a, b) in zip(other, values) {
        error += (Double(a) - Double(b)) * (Double(a) - Double(b))
        power += Double(b) * Double(b)
      }
      names.append(stage.description)
      errors.append(error == 0 ? 0 : (error / power).squareRoot())
    }
  }
}
