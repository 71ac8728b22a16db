/// An exporter that can say whether its destination is there, without sending telemetry of anybody's.
public protocol BackEndProbing: Exporter {
    /// Connects as a start would, asks the destination once, and shuts down; for exporters that were not started.
    /// - Returns: What was found, in a few words, such as the address; nil if there is nobody to ask.
    /// - Throws: Why the destination would not take data, with what to do about it if that is known.
    func probe(host: any Host) async throws -> String?
}
