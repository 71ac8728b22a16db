import Collector

/// The section `sending_queue::batch`: requests are joined, or taken apart, before they are sent.
public struct SendingBatchConfiguration: Sendable, Equatable {
    /// What sizes count.
    public enum Sizer: String, Sendable, CaseIterable {
        case items
        case bytes
    }

    /// A batch is sent no later than this after its first request came.
    public var flushTimeout = Duration.milliseconds(200)
    /// It is sent at once when it has so much.
    public var minimumSize = 8192
    /// No request that is sent has more; 0 for no limit.
    public var maximumSize = 0
    public var sizer = Sizer.items
    /// Requests with different values of these header fields are not joined. In lowercase.
    public var partitionKeys: [String] = []

    public init() {}

    /// - Parameters:
    ///   - queue: What the queue's own section says.
    ///   - queueSizer: Nil if it was not written.
    init(_ section: ConfigurationSection, queue: QueueConfiguration, queueSizer: String?) {
        flushTimeout = section.duration("flush_timeout", default: flushTimeout, in: .nanoseconds(1) ... .longest)
        minimumSize = section.integer("min_size", default: minimumSize, in: 0...Int.max)
        maximumSize = section.integer("max_size", default: 0, in: 0...Int.max)
        if let written = section.optionalString("sizer") {
            if let known = Sizer(rawValue: written) {
                sizer = known
            } else {
                section.error("sizer", "unknown value \"\(written)\" (valid values: [items, bytes])")
            }
        } else if let queueSizer {
            if let known = Sizer(rawValue: queueSizer) {
                sizer = known
            } else {
                section.error("sizer", "must be set to items or bytes, as the queue's sizer is \(queueSizer)")
            }
        }
        if maximumSize > 0, maximumSize < minimumSize {
            section.error("max_size", "`max_size` must be greater or equal to `min_size`")
        }
        if queue.sizer.rawValue == sizer.rawValue, minimumSize > queue.size {
            section.error("min_size", "`min_size` must be less than or equal to `queue_size`")
        }
        partitionKeys = section.section("partition").strings("metadata_keys").map { $0.lowercased() }
        if Set(partitionKeys).count != partitionKeys.count {
            section.section("partition").error("metadata_keys", "names a key twice")
        }
    }

    /// What a batch counts.
    func size(of telemetry: Telemetry) -> Int {
        switch sizer {
        case .items: telemetry.itemCount
        // Messages without required fields can always be serialized.
        case .bytes: (try? telemetry.serializedBytes().count) ?? 0
        }
    }
}
