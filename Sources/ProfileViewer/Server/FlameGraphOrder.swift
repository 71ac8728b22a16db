import ProfileStore

/// The nodes of a flame graph as the page wants them: row by row, the children of a node side by side, the heaviest
/// first.
struct FlameGraphOrder {
    /// Indices of the graph's nodes.
    private(set) var nodes: [Int32] = []
    /// Per entry of `nodes`: how many children it has. They follow those of the entries before it.
    private(set) var childCounts: [Int32] = []

    init(_ graph: FlameGraph) {
        let count = graph.parents.count
        let totals = graph.totals()
        // The children of node i: children[offsets[i]..<offsets[i + 1]].
        var offsets = [Int32](repeating: 0, count: count + 1)
        for node in 1..<max(1, count) { offsets[Int(graph.parents[node]) + 1] += 1 }
        for node in 0..<count { offsets[node + 1] += offsets[node] }
        var children = [Int32](repeating: 0, count: max(0, count - 1))
        var filled = offsets
        for node in 1..<max(1, count) {
            let parent = Int(graph.parents[node])
            children[Int(filled[parent])] = Int32(node)
            filled[parent] += 1
        }
        nodes.reserveCapacity(count)
        childCounts.reserveCapacity(count)
        nodes.append(0)
        children.withUnsafeMutableBufferPointer { children in
            var next = 0
            while next < nodes.count {
                let node = Int(nodes[next])
                let range = Int(offsets[node])..<Int(offsets[node + 1])
                if range.count > 1 {
                    var siblings = UnsafeMutableBufferPointer(rebasing: children[range])
                    siblings.sort { first, second in
                        let (one, other) = (Int(first), Int(second))
                        return totals[one] != totals[other]
                            ? totals[one] > totals[other] : graph.nodeFunctions[one] < graph.nodeFunctions[other]
                    }
                }
                nodes.append(contentsOf: children[range])
                childCounts.append(Int32(range.count))
                next += 1
            }
        }
    }
}
