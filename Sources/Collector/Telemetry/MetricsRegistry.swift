import Synchronization

/// The Collector's own metrics: made once, updated from anywhere without locks, read when somebody asks.
public final class MetricsRegistry: Sendable {
    public enum Kind: String, Sendable, Hashable {
        case counter
        case gauge
    }

    /// One value with its name and labels, as read at one moment.
    public struct Sample: Sendable, Hashable {
        public var name: String
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
        case observed(Kind, @Sendable () -> Double)
    }

    private struct Entry: Sendable {
        var help: String
        var source: Source
    }

    private let entries = Mutex<[Key: Entry]>([:])

    public init() {}

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
        return copy.map { key, entry in
            let (kind, value): (Kind, Double) =
                switch entry.source {
                case .counter(let counter): (.counter, Double(counter.value))
                case .gauge(let gauge): (.gauge, gauge.value)
                case .observed(let kind, let read): (kind, read())
                }
            return Sample(name: key.name, help: entry.help, kind: kind, labels: key.labels, value: value)
        }
        .sorted { ($0.name, $0.labels.map(\.value).joined(separator: "\0")) < ($1.name, $1.labels.map(\.value).joined(separator: "\0")) }
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
