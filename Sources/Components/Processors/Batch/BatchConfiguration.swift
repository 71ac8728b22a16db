import Collector

/// What `processors::batch` says.
public struct BatchConfiguration: Sendable, Equatable {
    /// Zero: nothing waits.
    public var timeout = Duration.milliseconds(200)
    /// Items from which on a batch is sent before the timeout; 0: nothing waits.
    public var sendBatchSize = 8192
    /// Larger batches are split; 0 for no limit.
    public var sendBatchMaximumSize = 0
    /// Header fields, in lowercase: requests that differ in them go into different batches.
    public var metadataKeys: [String] = []
    public var metadataCardinalityLimit = 1000

    public init() {}

    public init(_ section: ConfigurationSection) {
        timeout = section.duration("timeout", default: timeout, in: .zero ... .longest)
        sendBatchSize = section.integer("send_batch_size", default: sendBatchSize, in: 0...Int(UInt32.max))
        sendBatchMaximumSize = section.integer("send_batch_max_size", default: 0, in: 0...Int(UInt32.max))
        if sendBatchMaximumSize > 0, sendBatchMaximumSize < sendBatchSize {
            section.error("send_batch_max_size", "send_batch_max_size must be greater or equal to send_batch_size")
        }
        for key in section.strings("metadata_keys") {
            let name = key.lowercased()
            if metadataKeys.contains(name) {
                section.error("metadata_keys", "duplicate entry in metadata_keys: \"\(name)\" (case-insensitive)")
            } else {
                metadataKeys.append(name)
            }
        }
        metadataCardinalityLimit = section.integer("metadata_cardinality_limit", default: 1000, in: 0...Int(UInt32.max))
    }

    /// Nothing is held back.
    var sendsAtOnce: Bool { timeout == .zero || sendBatchSize == 0 }
}
