import Synchronization

/// The Collector's own metrics: made once, updated from anywhere without locks, read when somebody asks.
public final class MetricsRegistry: Sendable {
    public enum Kind: String, Sendable, Hashable {
        case counter
        case gauge
        case histogram
    }

    /// One value with its name and labels, as read at one moment.
    public struct Sample: Sendable, Hashable {
        public var name: String
        /// What the sample is a part of: a histogram's name without `_bucket`, `_sum` or `_count`; otherwise the name.
        public var family: String
        public var help: String
        public var kind: Kind
        /// Sorted by name.
        public var labels: [Label]
        public var value: Double
    }

    public struct Label: Sendable, Hashable, Comparable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }

        public static func < (left: Label, right: Label) -> Bool {
            (left.name, left.value) < (right.name, right.value)
        }
    }

    private struct Key: Hashable {
        var name: String
        var labels: [Label]
    }

    private enum Source: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        case observed(Kind, @Sendable () -> Double)
    }

    private struct Entry: Sendable {
        var help: String
        var source: Source
    }

    private let entries = Mutex<[Key: Entry]>([:])
    private let detailed = Atomic(false)

    public init() {}

    /// `service::telemetry::metrics::level` is `detailed`: what is costly, or rarely wanted, is counted too.
    public var isDetailed: Bool { detailed.load(ordering: .relaxed) }

    public func set(isDetailed: Bool) { detailed.store(isDetailed, ordering: .relaxed) }

    /// The counter of that name and those labels; always the same one.
    public func counter(_ name: String, help: String = "", labels: [String: String] = [:]) -> Counter {
        let key = Self.key(name, labels)
        return entries.withLock { entries in
            if case .counter(let counter)? = entries[key]?.source { return counter }
            let counter = Counter()
            entries[key] = Entry(help: help, source: .counter(counter))
            return counter
        }
    }

    /// The gauge of that name and those labels; always the same one.
    public func gauge(_ name: String, help: String = "", labels: [String: String] = [:]) -> Gauge {
        let key = Self.key(name, labels)
        return entries.withLock { entries in
            if case .gauge(let gauge)? = entries[key]?.source { return gauge }
            let gauge = Gauge()
            entries[key] = Entry(help: help, source: .gauge(gauge))
            return gauge
        }
    }

    /// The histogram of that name and those labels; always the same one.
    /// - Parameter bounds: The upper bounds of its buckets, ascending; a last bucket takes what is above.
    public func histogram(
        _ name: String, help: String = "", labels: [String: String] = [:], bounds: [Double]
    ) -> Histogram {
        let key = Self.key(name, labels)
        return entries.withLock { entries in
            if case .histogram(let histogram)? = entries[key]?.source { return histogram }
            let histogram = Histogram(bounds: bounds)
            entries[key] = Entry(help: help, source: .histogram(histogram))
            return histogram
        }
    }

    /// A metric whose value is asked for when it is read. Replaces an earlier one of that name and those labels.
    public func observe(
        _ name: String, kind: Kind, help: String = "", labels: [String: String] = [:],
        value: @escaping @Sendable () -> Double
    ) {
        entries.withLock { $0[Self.key(name, labels)] = Entry(help: help, source: .observed(kind, value)) }
    }

    /// Takes a metric out, for example that of a component that was stopped.
    public func remove(_ name: String, labels: [String: String] = [:]) {
        _ = entries.withLock { $0.removeValue(forKey: Self.key(name, labels)) }
    }

    /// All values now, sorted by name and labels.
    public func samples() -> [Sample] {
        // Callbacks run outside the lock: they may use the registry themselves.
        let copy = entries.withLock { $0 }
        let sorted = copy.sorted { left, right in
            (left.key.name, left.key.labels.map(\.value).joined(separator: "\0"))
                < (right.key.name, right.key.labels.map(\.value).joined(separator: "\0"))
        }
        return sorted.flatMap { key, entry -> [Sample] in
            let (kind, value): (Kind, Double)
            switch entry.source {
            case .counter(let counter): (kind, value) = (.counter, Double(counter.value))
            case .gauge(let gauge): (kind, value) = (.gauge, gauge.value)
            case .observed(let observedKind, let read): (kind, value) = (observedKind, read())
            case .histogram(let histogram): return Self.samples(key, entry.help, histogram)
            }
            return [
                Sample(name: key.name, family: key.name, help: entry.help, kind: kind, labels: key.labels, value: value)
            ]
        }
    }

    /// One metric with its labels, a histogram in one piece.
    struct Reading {
        enum Value {
            case number(Kind, Double)
            case histogram(bounds: [Double], Histogram.State)
        }

        var name: String
        var help: String
        var labels: [Label]
        var value: Value
    }

    /// All metrics now, sorted by name and labels.
    func readings() -> [Reading] {
        let copy = entries.withLock { $0 }
        let sorted = copy.sorted { left, right in
            (left.key.name, left.key.labels.map(\.value).joined(separator: "\0"))
                < (right.key.name, right.key.labels.map(\.value).joined(separator: "\0"))
        }
        return sorted.map { key, entry in
            let value: Reading.Value =
                switch entry.source {
                case .counter(let counter): .number(.counter, Double(counter.value))
                case .gauge(let gauge): .number(.gauge, gauge.value)
                case .observed(let kind, let read): .number(kind, read())
                case .histogram(let histogram): .histogram(bounds: histogram.bounds, histogram.state)
                }
            return Reading(name: key.name, help: entry.help, labels: key.labels, value: value)
        }
    }

    /// A histogram's parts, its buckets cumulative, as Prometheus has them.
    private static func samples(_ key: Key, _ help: String, _ histogram: Histogram) -> [Sample] {
        func sample(_ suffix: String, _ labels: [Label], _ value: Double) -> Sample {
            Sample(
                name: key.name + suffix, family: key.name, help: help, kind: .histogram, labels: labels, value: value)
        }
        let state = histogram.state
        var samples: [Sample] = []
        var total: UInt64 = 0
        for (index, count) in state.counts.enumerated() {
            total += count
            let bound = index < histogram.bounds.count ? Self.boundText(histogram.bounds[index]) : "+Inf"
            samples.append(sample("_bucket", key.labels + [Label("le", bound)], Double(total)))
        }
        return samples + [sample("_sum", key.labels, state.sum), sample("_count", key.labels, Double(total))]
    }

    private static func boundText(_ bound: Double) -> String {
        Int64(exactly: bound).map { "\($0)" } ?? "\(bound)"
    }

    private static func key(_ name: String, _ labels: [String: String]) -> Key {
        Key(name: name, labels: labels.map { Label($0.key, $0.value) }.sorted())
    }
}

/// A number that only grows.
public final class Counter: Sendable {
    private let total = Atomic<UInt64>(0)

    init() {}

    public var value: UInt64 { total.load(ordering: .relaxed) }

    public func add(_ amount: UInt64 = 1) {
        total.wrappingAdd(amount, ordering: .relaxed)
    }

    /// Adds a count; negative ones are ignored.
    public func add(_ amount: Int) {
        if amount > 0 { add(UInt64(amount)) }
    }
}

/// A number that moves up and down.
public final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    init() {}

    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }
}

/// How often values fell between bounds, and their sum.
public final class Histogram: Sendable {
    struct State {
        /// One more than there are bounds.
        var counts: [UInt64]
        var sum = 0.0
    }

    let bounds: [Double]
    private let values: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        values = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    var state: State { values.withLock { $0 } }

    public func record(_ value: Double) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        values.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }
}
