import Collector
import Crypto
import FoundationEssentials
import Synchronization

/// What the cluster said about keys, for a while. Keys themselves are not kept, only what PBKDF2 makes of them.
final class KeyCache: Sendable {
    enum Verdict: Sendable, Equatable {
        case accepted(username: String)
        case refused
        /// Another secret under the same id than the one that was asked about.
        case otherSecret
    }

    private struct Entry {
        var proof: Data
        var verdict: Verdict
        var end: ContinuousClock.Instant
        var lastUse: UInt64
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var uses: UInt64 = 0
    }

    private let configuration: APIKeyAuthConfiguration.Cache
    private let salt: Data
    private let state = Mutex(State())

    init(_ configuration: APIKeyAuthConfiguration.Cache) {
        self.configuration = configuration
        salt = SymmetricKey(size: .bits128).withUnsafeBytes { Data($0) }
    }

    /// PBKDF2 (RFC 8018, section 5.2) with HMAC-SHA-512, of which the first 32 bytes are enough.
    func proof(of secret: String) -> Data { Self.derive(secret, salt: salt, iterations: configuration.iterations) }

    static func derive(_ secret: String, salt: Data, iterations: Int) -> Data {
        let key = SymmetricKey(data: Data(secret.utf8))
        var block = Data(HMAC<SHA512>.authenticationCode(for: salt + [0, 0, 0, 1], using: key))
        var result = [UInt8](block)
        for _ in 1..<max(1, iterations) {
            block = Data(HMAC<SHA512>.authenticationCode(for: block, using: key))
            for (index, byte) in block.enumerated() { result[index] ^= byte }
        }
        return Data(result.prefix(32))
    }

    /// Nil if the cluster must be asked.
    func verdict(_ id: String, proof: Data, now: ContinuousClock.Instant) -> Verdict? {
        state.withLock { state in
            guard let entry = state.entries[id] else { return nil }
            guard now < entry.end else {
                state.entries[id] = nil
                return nil
            }
            state.uses += 1
            state.entries[id]?.lastUse = state.uses
            let difference = zip(entry.proof, proof).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) }
            return difference == 0 ? entry.verdict : .otherSecret
        }
    }

    func set(_ verdict: Verdict, _ id: String, proof: Data, now: ContinuousClock.Instant) {
        state.withLock { state in
            if state.entries.count >= configuration.capacity, state.entries[id] == nil {
                // The least recently used goes. Rare: entries end by themselves.
                if let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
                    state.entries[oldest] = nil
                }
            }
            state.uses += 1
            state.entries[id] = Entry(
                proof: proof, verdict: verdict, end: now + configuration.lifetime, lastUse: state.uses)
        }
    }
}
