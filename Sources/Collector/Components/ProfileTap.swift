import OTLP
import Synchronization

/// Where a receiver that profiles the machine lets others see its profiles, for an extension that shows this process's
/// own. One for the process: neither side needs the other, and nobody listening costs nothing.
public final class ProfileTap: Sendable {
    public static let shared = ProfileTap()

    private struct State {
        var intervals: [UInt64: Duration] = [:]
        var listeners: [UInt64: AsyncStream<OTLPProfilesData>.Continuation] = [:]
        var nextNumber: UInt64 = 0
    }

    /// Messages that wait for one listener; older ones are dropped.
    private static let maximumWaiting = 8

    private let state = Mutex(State())

    public init() {}

    /// - Parameter interval: How long it may take until a sample is published.
    /// - Returns: To be given to `sourceStopped`.
    public func sourceStarted(interval: Duration) -> UInt64 {
        state.withLock { state in
            state.nextNumber += 1
            state.intervals[state.nextNumber] = interval
            return state.nextNumber
        }
    }

    public func sourceStopped(_ number: UInt64) {
        state.withLock { $0.intervals[number] = nil }
    }

    /// The longest interval of the sources that run; nil if none does.
    public var interval: Duration? { state.withLock { $0.intervals.values.max() } }

    public func publish(_ profiles: OTLPProfilesData) {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield(profiles) }
    }

    /// All that is published from now on, until the stream is dropped.
    public func listen() -> AsyncStream<OTLPProfilesData> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: OTLPProfilesData.self, bufferingPolicy: .bufferingNewest(Self.maximumWaiting))
        let number = state.withLock { state in
            state.nextNumber += 1
            state.listeners[state.nextNumber] = continuation
            return state.nextNumber
        }
        continuation.onTermination = { _ in _ = self.state.withLock { $0.listeners.removeValue(forKey: number) } }
        return stream
    }
}
