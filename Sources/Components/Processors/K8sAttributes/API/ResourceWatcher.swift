import AsyncHTTPClient
import ClientTLS
import Collector
import Foundation
import Logging
import Synchronization

/// Who is told of the objects of a query.
protocol ResourceSink<Object>: Sendable {
    associatedtype Object: APIObject

    /// A complete list begins: what it does not hold is gone.
    func beginList()
    func changed(_ object: Object)
    func endList()
    func deleted(_ object: Object)
}

/// Waits between attempts that grow, each with a random part, up to a bound.
struct RetryDelay: Sendable {
    static let first = Duration.milliseconds(800)
    static let last = Duration.seconds(30)
    private var step = RetryDelay.first

    mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        defer { step = min(step * 2, Self.last) }
        return step * Double.random(in: 0.5...1, using: &generator)
    }

    mutating func next() -> Duration {
        var generator = SystemRandomNumberGenerator()
        return next(using: &generator)
    }

    mutating func reset() { step = Self.first }
}

/// Lists the objects of a query page by page, then watches what becomes of them, and does so again whenever the
/// connection, the server or the version gives up.
struct ResourceWatcher<Sink: ResourceSink>: Sendable {
    static var pageSize: Int { 250 }
    /// The API takes objects of up to 1.5 MiB (etcd's limit for a request).
    static var maximumEventBytes: Int { 8 << 20 }

    let query: ResourceQuery
    let client: KubernetesClient
    let sink: Sink
    let period: Duration
    let logger: Logger
    /// Called once, when the first list is complete.
    let synchronized: @Sendable () -> Void
    /// Waits between attempts.
    let sleep: @Sendable (Duration) async throws -> Void

    /// How a watch that did not fail ended.
    private enum Ending: Sendable {
        case renewed
        /// Why.
        case listAgain(String)
    }

    private static func lasted(_ began: ContinuousClock.Instant?) -> Bool {
        began.map { $0.duration(to: .now) > .seconds(10) } ?? false
    }

    /// Ends only when the task is cancelled.
    func run() async {
        var version: String?
        var delay = RetryDelay()
        var isFirst = true
        // When the watch began that failed or ended.
        var began: ContinuousClock.Instant?
        while !Task.isCancelled {
            do {
                let start: String
                if let version {
                    start = version
                } else {
                    start = try await list()
                    version = start
                    if isFirst { synchronized() }
                    isFirst = false
                }
                began = .now
                let reached = ReachedVersion(start)
                defer { if version != nil { version = reached.value } }
                switch try await watch(from: start, reached) {
                case .renewed:
                    // A server that ends watches at once without having told anything must not be asked in a loop.
                    if Self.lasted(began) || reached.value != start { continue }
                    try await sleep(delay.next())
                case .listAgain(let reason):
                    logger.debug("Listing again", metadata: ["objects": "\(query)", "reason": "\(reason)"])
                    version = nil
                    if Self.lasted(began) { delay.reset() }
                    try await sleep(delay.next())
                }
            } catch {
                // Only what worked for a while makes the next failure a new one.
                if Self.lasted(began) { delay.reset() }
                began = nil
                if Task.isCancelled { return }
                if case APIFailure.expired = error { version = nil }
                // An event that cannot be read would be met again and again.
                if error is DecodingError || error is CollectorError { version = nil }
                if case APIFailure.unauthorized = error { await client.forgetCredentials() }
                await report(error)
                do { try await sleep(wait(after: error, &delay)) } catch { return }
            }
        }
    }

    private func wait(after error: any Error, _ delay: inout RetryDelay) -> Duration {
        let chosen = delay.next()
        if case APIFailure.throttled(let least) = error { return least + chosen }
        return chosen
    }

    private func report(_ error: any Error) async {
        var metadata: Logger.Metadata = ["objects": "\(query)", "error": "\(connectionFailureText(error))"]
        switch error {
        case APIFailure.expired:
            logger.debug("The Kubernetes API has forgotten the version", metadata: metadata)
        case APIFailure.forbidden:
            metadata["remedy"] = "\(query.permissionHint)"
            logger.warning("The Kubernetes API refuses; trying again", metadata: metadata)
        default:
            logger.warning("The Kubernetes API failed; trying again", metadata: metadata)
        }
    }

    // MARK: - List

    /// - Returns: The version that the list is of.
    private func list() async throws -> String {
        var limit = Self.pageSize
        while true {
            do {
                return try await list(limit: limit)
            } catch APIFailure.tooLarge(let bytes) {
                guard limit > 1 else { throw APIFailure.tooLarge(bytes) }
                limit /= 4
                limit = max(limit, 1)
            }
        }
    }

    private func list(limit: Int) async throws -> String {
        sink.beginList()
        var token: String?
        var unreadable = 0
        while true {
            let page = try await client.list(Sink.Object.self, query, limit: limit, continuing: token)
            for object in page.objects { sink.changed(object) }
            unreadable += page.unreadable
            if let next = page.metadata.continue, !next.isEmpty {
                // The same place again would never end.
                guard next != token else { throw CollectorError("the list of \(query) does not go on") }
                token = next
                continue
            }
            guard let version = page.metadata.resourceVersion, !version.isEmpty else {
                throw CollectorError("the list of \(query) has no resourceVersion")
            }
            sink.endList()
            if unreadable > 0 {
                logger.warning(
                    "Objects that cannot be read", metadata: ["objects": "\(query)", "count": "\(unreadable)"])
            }
            return version
        }
    }

    // MARK: - Watch

    private func watch(from start: String, _ reached: ReachedVersion) async throws -> Ending {
        let least = period > .zero ? Int(period.components.seconds) : 300
        let seconds = Int.random(in: max(least, 1)...max(least * 2, 2))
        let body = try await client.watch(query, from: start, seconds: seconds)
        // The server ends it in time; the deadline is for one that has vanished.
        return try await withDeadline(.seconds(seconds + 30), "a watch of \(query)") {
            try await follow(body, reached)
        }
    }

    private func follow(_ body: HTTPClientResponse.Body, _ reached: ReachedVersion) async throws -> Ending {
        var splitter = LineSplitter(maximumBytes: Self.maximumEventBytes)
        let decoder = JSONDecoder()
        for try await part in body {
            for line in try splitter.lines(adding: part.readableBytesView) {
                switch try decoder.decode(WatchEvent<Sink.Object>.self, from: Data(line)) {
                case .changed(let object):
                    sink.changed(object)
                    reached.advance(to: object.metadata.resourceVersion)
                case .deleted(let object):
                    sink.deleted(object)
                    reached.advance(to: object.metadata.resourceVersion)
                case .bookmark(let version): reached.advance(to: version)
                case .error(let status) where status.code == 410:
                    return .listAgain(status.message ?? "the version has expired")
                case .error(let status):
                    throw APIFailure.status(UInt(clamping: status.code ?? 0), status.message ?? "unknown")
                case .unreadable:
                    logger.debug("An event that cannot be read", metadata: ["objects": "\(query)"])
                }
            }
        }
        return .renewed
    }
}

/// Up to which version a watch has told everything.
private final class ReachedVersion: Sendable {
    private let version: Mutex<String>

    init(_ version: String) { self.version = Mutex(version) }

    var value: String { version.withLock { $0 } }

    func advance(to version: String?) {
        if let version, !version.isEmpty { self.version.withLock { $0 = version } }
    }
}
