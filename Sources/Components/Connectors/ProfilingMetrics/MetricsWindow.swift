import OTLP

/// What was counted since the last flush: the streams of each resource.
struct MetricsWindow {
    struct ResourceState {
        /// As it came first; resources are the same if their attributes are, in any order.
        var resource: OTLPResource
        var counts: [StreamKey: Int64] = [:]
        var seconds: [StreamKey: Double] = [:]
        /// What the profiles cover, as Unix time in nanoseconds.
        var start: UInt64
        var end: UInt64
    }

    /// Beyond this many streams a window is flushed early.
    static let maximumStreams = 100_000

    var names = NameTable()
    private(set) var states: [ResourceState] = []
    private var positions: [[UInt8]: Int] = [:]
    private(set) var streamCount = 0

    var isEmpty: Bool { states.isEmpty }
    var isFull: Bool { streamCount >= Self.maximumStreams }

    /// The place of a resource's state, made if it is new.
    mutating func position(of resource: OTLPResource, start: UInt64, end: UInt64) -> Int {
        let identity = Self.identity(of: resource)
        if let known = positions[identity] {
            states[known].start = min(states[known].start, start)
            states[known].end = max(states[known].end, end)
            return known
        }
        positions[identity] = states.count
        states.append(ResourceState(resource: resource, start: start, end: end))
        return states.count - 1
    }

    mutating func add(_ amount: Int64, to key: StreamKey, at position: Int) {
        let before = states[position].counts.count
        states[position].counts[key, default: 0].addClamping(amount)
        streamCount += states[position].counts.count - before
    }

    mutating func add(seconds amount: Double, to key: StreamKey, at position: Int) {
        let before = states[position].seconds.count
        states[position].seconds[key, default: 0] += amount
        streamCount += states[position].seconds.count - before
    }

    /// Equal for resources with equal attributes in whatever order.
    private static func identity(of resource: OTLPResource) -> [UInt8] {
        var identity = OTLPResource()
        identity.attributes = resource.attributes.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        // Encoding fails for required fields that are missing; OTLP has none.
        return (try? identity.serializedBytes()) ?? []
    }
}

extension Int64 {
    /// Adds a number that came from somewhere else.
    mutating func addClamping(_ other: Int64) {
        let (sum, overflow) = addingReportingOverflow(other)
        self = overflow ? (other < 0 ? .min : .max) : sum
    }
}
