internal import Concurrency

/// Where the time of forward passes goes, part by part, summed over blocks and passes.
public final class Stopwatch: Sendable {
  /// What a tower does, in this order.
  public enum Part: String, CaseIterable, Sendable {
    /// Pixels into patches and these into tokens; ids into tokens.
    case tokens
    /// Of maps, behind the first.
    case convolutions
    case norms = "LayerNorms"
    case queryKeyValue = "query, key, value"
    case attention
    case output
    case firstLinear = "fc1, activation"
    case secondLinear = "fc2"
    /// From the last block to the shared space.
    case projection
  }

  /// Of one part.
  public struct Lap: Sendable {
    public var seconds = 0.0
    /// Multiplications and additions of matrices.
    public var operations = 0.0
  }

  private struct State {
    var laps: [Part: Lap] = [:]
    var last = ContinuousClock.now
    /// Of the lap that goes on.
    var operations = 0
  }
  private let state = Locked(State())

  public init() {}

  /// The parts that took place, in their order.
  public var laps: [(part: Part, lap: Lap)] {
    let laps = state.withLock { $0.laps }
    return Part.allCases.compactMap { part in laps[part].map { (part, $0) } }
  }

  /// A pass begins.
  func start() { state.withLock { $0.last = .now } }

  /// `operations` multiplications and additions are part of the lap that goes on.
  func count(_ operations: Int) { state.withLock { $0.operations += operations } }

  /// What happened since the last lap, or the start, was part of this.
  func lap(_ part: Part) {
    state.withLock { state in
      let now = ContinuousClock.now
      var lap = state.laps[part] ?? Lap()
      lap.seconds += state.last.duration(to: now) / .seconds(1)
      lap.operations += Double(state.operations)
      state.laps[part] = lap
      state.operations = 0
      state.last = now
    }
  }
}
