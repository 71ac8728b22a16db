/// A function's share of a flame graph.
public struct FunctionSummary: Sendable, Equatable {
    public var function: FlameGraph.Function
    /// Samples that end in the function.
    public var selfValue: Int64
    /// Samples with the function anywhere in the stack, each counted once however often it recurses.
    public var totalValue: Int64
}

extension FlameGraph {
    /// Kinds that are no functions.
    private static let groupKinds: Set<String> = ["process", "thread", "omitted"]

    /// All functions but groups and what stands for omitted stacks, by falling self value, then by falling total.
    public func topFunctions(limit: Int = .max) -> [FunctionSummary] {
        let totals = totals()
        var ownValues = [Int64](repeating: 0, count: functions.count)
        var totalValues = [Int64](repeating: 0, count: functions.count)
        // Depth first, to know which functions are on the path: recursion must count once.
        var firstChild = [Int32](repeating: -1, count: parents.count)
        var nextSibling = [Int32](repeating: -1, count: parents.count)
        for node in stride(from: parents.count - 1, to: 0, by: -1) {
            nextSibling[node] = firstChild[Int(parents[node])]
            firstChild[Int(parents[node])] = Int32(node)
        }
        var onPath = [Int32](repeating: 0, count: functions.count)
        var node: Int32 = 0
        var isEntering = true
        while true {
            let function = Int(nodeFunctions[Int(node)])
            if isEntering {
                if function >= 0 {
                    ownValues[function].saturatingAdd(selfValues[Int(node)])
                    if onPath[function] == 0 { totalValues[function].saturatingAdd(totals[Int(node)]) }
                    onPath[function] += 1
                }
                if firstChild[Int(node)] >= 0 {
                    node = firstChild[Int(node)]
                    continue
                }
            }
            if function >= 0 { onPath[function] -= 1 }
            if node == 0 { break }
            if nextSibling[Int(node)] >= 0 {
                node = nextSibling[Int(node)]
                isEntering = true
            } else {
                node = parents[Int(node)]
                isEntering = false
            }
        }
        let summaries = functions.indices.compactMap { index -> FunctionSummary? in
            let kind = functions[index].kind
            guard totalValues[index] > 0, !FlameGraph.groupKinds.contains(kind) else { return nil }
            return FunctionSummary(
                function: functions[index], selfValue: ownValues[index], totalValue: totalValues[index])
        }
        .sorted {
            ($1.selfValue, $1.totalValue, $0.function.name) < ($0.selfValue, $0.totalValue, $1.function.name)
        }
        return Array(summaries.prefix(limit))
    }
}
