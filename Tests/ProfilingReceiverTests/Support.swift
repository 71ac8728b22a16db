import Synchronization

final class CallCounter: Sendable {
    private let calls = Atomic<UInt8>(0)

    /// 1 at the first call, and so on; never 0.
    func next() -> UInt8 { calls.wrappingAdd(1, ordering: .relaxed).newValue }
}
