import Collector
import Logging
import NIOHTTP1
import ServerSupport
import Synchronization

/// The extension `health_check`: says by HTTP whether the pipelines run.
public struct HealthCheckExtensionFactory: ExtensionFactory {
    public let type = "health_check"
    public let stability = Stability.beta

    public init() {}

    public func decode(_ section: ConfigurationSection) -> HealthCheckConfiguration {
        HealthCheckConfiguration(section)
    }

    public func makeExtension(
        configuration: HealthCheckConfiguration, context: ComponentContext
    ) async throws -> any Extension {
        HealthCheckExtension(configuration: configuration, logger: context.logger)
    }
}

final class HealthCheckExtension: Extension {
    private let service: HealthService
    private let server: HTTPServer

    init(configuration: HealthCheckConfiguration, logger: Logger) {
        service = HealthService(configuration: configuration)
        server = HTTPServer(configuration: configuration.server, service: service, logger: logger)
    }

    /// The port listened on, while it is.
    var port: Int? { server.port }

    func start(host: any Host) async throws { try await server.start(host: host) }

    func pipelinesAreReady() async throws { service.set(isReady: true) }
    func pipelinesAreNotReady() async throws { service.set(isReady: false) }
    func componentStatusChanged(_ event: ComponentStatusEvent) { service.take(event) }

    func shutdown() async throws { await server.shutdown() }
}

/// 200 while the pipelines run, 503 before and after.
final class HealthService: HTTPService {
    private struct State {
        var readySince: (time: ContinuousClock.Instant, date: String)?
        /// Instances that do not work, since when, and why.
        var failures: [ComponentInstanceID: (since: ContinuousClock.Instant, isPermanent: Bool, reason: String)] = [:]
    }

    private let configuration: HealthCheckConfiguration
    private let state = Mutex(State())

    init(configuration: HealthCheckConfiguration) {
        self.configuration = configuration
    }

    func set(isReady: Bool) {
        state.withLock { $0.readySince = isReady ? (.now, WallClockTime.now().iso8601) : nil }
    }

    func take(_ event: ComponentStatusEvent) {
        state.withLock { state in
            switch event.status {
            case .permanentError(let error), .fatalError(let error):
                state.failures[event.instance] = (.now, true, "\(error)")
            case .recoverableError(let error):
                let since = state.failures[event.instance]?.since ?? .now
                state.failures[event.instance] = (since, false, "\(error)")
            case .starting, .ok, .stopping, .stopped: state.failures[event.instance] = nil
            }
        }
    }

    func answer(_ request: HTTPRequest) async -> HTTPAnswer {
        guard request.path == configuration.path else { return .text(.notFound, "404 page not found") }
        let (readySince, failures) = state.withLock { ($0.readySince, $0.failures) }
        let failing = failures.filter { _, failure in
            if failure.isPermanent { return configuration.includesPermanentErrors }
            return configuration.recoverableErrorLimit.map { ContinuousClock.now - failure.since >= $0 } ?? false
        }
        guard let readySince, failing.isEmpty else {
            let reasons = failing.map { "\($0.key): \($0.value.reason)" }.sorted()
            return answer(.serviceUnavailable, configuration.unhealthyBody ?? Self.unhealthy(reasons))
        }
        let (seconds, _) = (ContinuousClock.now - readySince.time).components
        let uptime = "\(Duration.seconds(seconds).unitText)"
        return answer(
            .ok,
            configuration.healthyBody
                ?? "{\"status\":\"Server available\",\"upSince\":\(readySince.date.quotedJSON),"
                + "\"uptime\":\"\(uptime)\"}"
        )
    }

    private static func unhealthy(_ reasons: [String]) -> String {
        let text = reasons.isEmpty ? "" : ",\"errors\":[\(reasons.map(\.quotedJSON).joined(separator: ","))]"
        return "{\"status\":\"Server not available\"\(text)}"
    }

    private func answer(_ status: HTTPResponseStatus, _ body: String) -> HTTPAnswer {
        HTTPAnswer(
            status: status, contentType: body.hasPrefix("{") ? "application/json" : "text/plain; charset=utf-8",
            body: Array(body.utf8))
    }
}
