internal import Architecture
internal import Concurrency
internal import Kernels

/// Runs the graph of a tower on batches. Any number of threads may use it.
final class Runner: Sendable {
  let graph: Graph
  let weights: any Weights
  let compute: Compute
  let pool: WorkerPool
  /// Made when first needed, by whether somebody observes: a tower that is not asked costs nothing.
  private let plans = Locked<[Bool: Plan]>([:])
  /// Memory of earlier runs.
  private let workspaces = Locked<[Workspace]>([])

  /// Memory beyond this many floats (64 MB) is not kept for the next run.
  private static let mostKept = 1 << 24

  /// How many rows it pays to take through all layers together: enough that fetching the weights
  /// counts little, and few enough that the rows stay in the caches from layer to layer. Measured
  /// with ViT-B/32, whose images have 50 rows: three at a time are fastest.
  static let rowsPerPass = 156

  init(_ graph: Graph, _ weights: any Weights, _ compute: Compute, _ pool: WorkerPool) {
    self.graph = graph
    self.weights = weights
    self.compute = compute
    self.pool = pool
  }

  /// Where texts are cut, if at all.
  var cut: Operation.Pick? { plan(isObserved: false).program.cut }
  /// Whether texts that begin alike have those rows in common.
  var sharesBeginnings: Bool { plan(isObserved: false).program.sharesBeginnings }

  /// - Parameters:
  ///   - texts: cut and padded, those that begin alike side by side; empty for images.
  ///   - pixels: `[count, channels, height, width]`; empty for texts.
  /// - Returns: the output's rows, `[count, graph.width]`.
  func run(
    count: Int, texts: [[Int]], pixels: Span<Float>, _ observe: Observer?, _ watch: Stopwatch?
  ) throws -> [Float] {
    guard count > 0 else { return [] }
    let plan = plan(isObserved: observe != nil)
    let workspace = workspaces.withLock { $0.popLast() } ?? Workspace()
    defer {
      if workspace.capacity <= Self.mostKept { workspaces.withLock { $0.append(workspace) } }
    }
    let batch = Batch(count: count, texts: texts, plan.program)
    workspace.lay(plan.buffers.map { batch.packing($0.rows).rows * $0.width })
    watch?.start()
    let run = Run(
      plan: plan,
      operations: RowOperations(
        program: plan.program, batch: batch, weights: weights, pool: pool),
      workspace: workspace, compute: compute, observe: observe, watch: watch)
    for call in plan.program.calls {
      try run.execute(call, pixels)
      watch?.lap(call.part)
    }
    let output = workspace.span(plan.buffer(of: plan.program.output))
    return output.indices.map { output[$0] }
  }

  private func plan(isObserved: Bool) -> Plan {
    plans.withLock { plans in
      if let known = plans[isObserved] { return known }
      let plan = Plan(Lowering(graph, isObserved: isObserved).program)
      plans[isObserved] = plan
      return plan
    }
  }
}
