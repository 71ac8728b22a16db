/// Hands every batch to several consumers, one after the other. All of them get it, whatever happens to the others;
/// their errors are joined. Batches have copy on write, so none of them can see another's changes.
struct FanOut: Consumer {
    let consumers: [any Consumer]

    /// A single consumer needs no fan-out.
    static func joining(_ consumers: [any Consumer]) -> any Consumer {
        consumers.count == 1 ? consumers[0] : FanOut(consumers: consumers)
    }

    func consume(_ telemetry: Telemetry) async throws {
        var errors: [any Error] = []
        for consumer in consumers {
            do {
                try await consumer.consume(telemetry)
            } catch {
                errors.append(error)
            }
        }
        if let error = JoinedError.joining(errors) { throw error }
    }
}
