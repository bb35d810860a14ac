internal import Architecture
internal import Kernels

extension RowOperations {
  /// Convolutions and pooling.
  func executeMap(
    _ call: Program.Call, _ map: Span<Float>, _ pixels: Span<Float>,
    _ output: inout MutableSpan<Float>
  ) throws {
    switch call.operation {
    case .pixels:
      let channels = width(call.writes!)
      let area = pixels.count / batch.count / channels
      for image in 0..<batch.count {
        for channel in 0..<channels {
          let plane = (image * channels + channel) * area
          for place in 0..<area {
            output[(image * area + place) * channels + channel] = pixels[plane + place]
          }
        }
      }
    case .windows(let windows, let leading):
      if call.reads.isEmpty {
        windows.gather(pixels: pixels, leading: leading, into: &output, on: pool)
      } else {
        windows.gather(map: map, leading: leading, into: &output, on: pool)
      }
    case .groupedConvolution(let windows, let conv):
      let weight = try weights.vector(
        conv.weight,
        count: conv.width * (windows.columns / conv.groups))
      let bias = try conv.bias.map { try weights.vector($0, count: conv.width) } ?? []
      windows.convolve(
        map, weight: weight.span, bias: bias.span, width: conv.width,
        groups: conv.groups, into: &output, on: pool)
    case .averagePool(let windows):
      windows.average(map, into: &output, on: pool)
    default:
      preconditionFailure("no operation on maps")
    }
  }
}
