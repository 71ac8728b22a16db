/// Counts the items that pass on their way to a consumer.
struct CountedConsumer: Consumer {
    let counter: Counter
    let next: any Consumer

    func consume(_ telemetry: Telemetry) async throws {
        counter.add(telemetry.itemCount)
        try await next.consume(telemetry)
    }
}
