public import Bytes
public import PackFormat

extension Comparison {
  /// Every number of it under its name.
  public var measures: Measures {
    var measures = Measures()
    if let image {
      measures[.imageCosineMinimum] = image.cosineMinimum
      measures[.imageCosineTenth] = image.cosineQuantile(0.1)
      measures[.imageCosineMedian] = image.cosineQuantile(0.5)
      measures[.imageCosineMean] = image.cosineMean
      measures[.imageCentredCosineMinimum] = image.centredCosineMinimum
      measures[.imageCentredCosineMean] = image.centredCosineMean
      measures[.imageMaximumDifference] = image.maximumDifference
    }
    if let text {
      measures[.textCosineMinimum] = text.cosineMinimum
      measures[.textCosineTenth] = text.cosineQuantile(0.1)
      measures[.textCosineMedian] = text.cosineQuantile(0.5)
      measures[.textCosineMean] = text.cosineMean
      measures[.textCentredCosineMinimum] = text.centredCosineMinimum
      measures[.textCentredCosineMean] = text.centredCosineMean
      measures[.textMaximumDifference] = text.maximumDifference
    }
    if let answers {
      measures[.logitsMaximumDifference] = answers.maximumDifference
      measures[.logitsMeanDifference] = answers.meanDifference
      measures[.topOne] = answers.topOne
      measures[.topFive] = answers.topFive
      measures[.rankMinimum] = answers.rankMinimum
      measures[.rankMean] = answers.rankMean
    }
    if let index {
      measures[.indexDepth] = Double(index.depth)
      measures[.originalIndex] = index.originalIndex
      measures[.convertedIndex] = index.convertedIndex
    }
    return measures
  }

  /// The members that every report of a comparison has.
  public var json: JSON.Object { measures.json }

  /// The relative error after each stage of both towers; `nil` where they were
  /// not observed.
  public var stagesJSON: JSON? {
    guard imageStages != nil || textStages != nil else { return nil }
    return ["image": imageStages?.json ?? .null, "text": textStages?.json ?? .null]
  }
}
