import HTTPClientSupport
import Synchronization

/// The nodes of a cluster, used in turn. A node that cannot be reached is left alone for a time that grows with every
/// failure; if none is left, the one whose time is up first is tried all the same.
final class NodePool: Sendable {
    struct Node: Sendable, Hashable {
        var endpoint: HTTPEndpoint
    }

    private struct Entry {
        var node: Node
        var failures = 0
        var deadUntil: ContinuousClock.Instant?
    }

    private struct State {
        var entries: [Entry]
        var next = 0
    }

    private let state: Mutex<State>
    /// The pause after a first failure, and the longest one.
    private static let (firstPause, longestPause) = (Duration.seconds(1), Duration.seconds(60))

    init(_ endpoints: [HTTPEndpoint]) {
        state = Mutex(State(entries: endpoints.map { Entry(node: Node(endpoint: $0)) }))
    }

    var nodes: [Node] { state.withLock { $0.entries.map(\.node) } }

    /// - Parameter tried: Nodes that are of no use for this request.
    /// - Returns: Nil if all were tried.
    func next(now: ContinuousClock.Instant, except tried: Set<Node> = []) -> Node? {
        state.withLock { state in
            let count = state.entries.count
            var best: Int?
            for step in 0..<count {
                let index = (state.next + step) % count
                let entry = state.entries[index]
                if tried.contains(entry.node) { continue }
                guard let deadUntil = entry.deadUntil, deadUntil > now else {
                    state.next = (index + 1) % count
                    return entry.node
                }
                if best.flatMap({ state.entries[$0].deadUntil }).map({ deadUntil < $0 }) ?? true { best = index }
            }
            guard let best else { return nil }
            state.next = (best + 1) % count
            return state.entries[best].node
        }
    }

    func succeeded(_ node: Node) {
        change(node) { entry in
            entry.failures = 0
            entry.deadUntil = nil
        }
    }

    func failed(_ node: Node, now: ContinuousClock.Instant) {
        change(node) { entry in
            entry.failures = min(entry.failures + 1, 16)
            entry.deadUntil = now + min(Self.firstPause * (1 << (entry.failures - 1)), Self.longestPause)
        }
    }

    private func change(_ node: Node, _ body: (inout Entry) -> Void) {
        state.withLock { state in
            guard let index = state.entries.firstIndex(where: { $0.node == node }) else { return }
            body(&state.entries[index])
        }
    }

    /// Takes the nodes that the cluster names; what is known of those that stay is kept. None at all change nothing.
    func replace(with endpoints: [HTTPEndpoint]) {
        guard !endpoints.isEmpty else { return }
        state.withLock { state in
            let known = Dictionary(state.entries.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
            state.entries = endpoints.map {
                let node = Node(endpoint: $0)
                return known[node] ?? Entry(node: node)
            }
            state.next = 0
        }
    }
}
