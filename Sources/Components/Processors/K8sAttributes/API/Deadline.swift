/// Cancels work that takes longer than it may. An HTTP client's own deadline ends with the head of an answer; a server
/// that stalls or drips afterwards would be waited for without end.
/// - Throws: `APIFailure.tooSlow`, or what the work throws.
func withDeadline<Value: Sendable>(
    _ duration: Duration, _ what: String, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: duration)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else {
            throw APIFailure.tooSlow(what, duration)
        }
        return value
    }
}
