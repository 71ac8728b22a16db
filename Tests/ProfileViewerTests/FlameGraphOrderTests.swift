import ProfileStore
import SyntheticProfiles
import TestRandomness
import Testing

@testable import ProfileViewer

struct FlameGraphOrderTests {
    /// Random trees: every node once, rows from the top, children side by side in their parents' order, heaviest first.
    @Test(arguments: [1, 2, 3, 50, 4000])
    func rowsOfSortedSiblings(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        var graph = FlameGraph()
        for node in 1..<max(1, count) {
            graph.parents.append(Int32(random.next() % UInt64(node)))
            graph.nodeFunctions.append(Int32(random.next() % 9))
            graph.lines.append(0)
            graph.selfValues.append(Int64(random.next() % 5))
        }
        let totals = graph.totals()
        let order = FlameGraphOrder(graph)
        #expect(order.nodes.sorted() == (0..<Int32(count)).map { $0 })
        #expect(order.childCounts.count == count)
        #expect(order.childCounts.reduce(0, +) == Int32(count) - 1)
        var next = 1
        for (position, node) in order.nodes.enumerated() {
            let children = order.nodes[next..<next + Int(order.childCounts[position])]
            next += children.count
            #expect(children.allSatisfy { graph.parents[Int($0)] == node })
            let weights = children.map { totals[Int($0)] }
            #expect(weights == weights.sorted(by: >))
        }
    }
}
