import Collector
import ExporterTestSupport
import LiveSupport
import ServerSupport
import Testing

@testable import HealthCheckExtension

struct HealthCheckTests {
    let log = LogRecorder()

    func running(_ change: (inout HealthCheckConfiguration) -> Void = { _ in }) async throws -> HealthCheckExtension {
        var configuration = HealthCheckConfiguration()
        configuration.server.address = .tcp(host: "localhost", port: 0)
        change(&configuration)
        let made = try await HealthCheckExtensionFactory().makeExtension(
            configuration: configuration, context: log.context(.extension, type: "health_check"))
        let health = try #require(made as? HealthCheckExtension)
        try await health.start(host: EmptyHost())
        return health
    }

    /// Status and body, asked by curl.
    func ask(_ health: HealthCheckExtension, _ path: String = "/") async throws -> (code: String, body: String) {
        let output = try await Command.run(
            ["curl", "-s", "-w", "\n%{http_code}", "http://localhost:\(health.port ?? 0)\(path)"],
            includingStandardError: false)
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
        return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
    }

    @Test(.enabled(if: try Live.has(.tool("curl"))))
    func followsThePipelines() async throws {
        let health = try await running()
        #expect(try await ask(health) == ("503", "{\"status\":\"Server not available\"}"))
        try await health.pipelinesAreReady()
        let answer = try await ask(health)
        #expect(answer.code == "200")
        #expect(answer.body.hasPrefix("{\"status\":\"Server available\",\"upSince\":\"20"))
        #expect(answer.body.contains("\"uptime\":\""))
        #expect(try await ask(health, "/other").code == "404")
        try await health.pipelinesAreNotReady()
        #expect(try await ask(health).code == "503")
        try await health.shutdown()
    }

    @Test(.enabled(if: try Live.has(.tool("curl"))))
    func answersAsConfigured() async throws {
        let health = try await running {
            $0.path = "/health"
            $0.healthyBody = "fine"
            $0.unhealthyBody = "{\"ok\":false}"
        }
        #expect(try await ask(health, "/health") == ("503", "{\"ok\":false}"))
        try await health.pipelinesAreReady()
        #expect(try await ask(health, "/health") == ("200", "fine"))
        #expect(try await ask(health).code == "404")
        try await health.shutdown()
    }

    @Test(.enabled(if: try Live.has(.tool("curl"))))
    func knowsWhatHasFailedIfAskedTo() async throws {
        let instance = ComponentInstanceID(kind: .receiver, id: ComponentID(type: "profiling"), scope: "profiles")
        func event(_ status: ComponentStatus) -> ComponentStatusEvent {
            ComponentStatusEvent(instance: instance, status: status)
        }
        let careless = try await running()
        let strict = try await running {
            $0.includesPermanentErrors = true
            $0.recoverableErrorLimit = .zero
        }
        for health in [careless, strict] { try await health.pipelinesAreReady() }
        for status in [
            ComponentStatus.permanentError(CollectorError("gone")), .recoverableError(CollectorError("gone")),
        ] {
            for health in [careless, strict] { health.componentStatusChanged(event(status)) }
            #expect(try await ask(careless).code == "200")
            let answer = try await ask(strict)
            #expect(answer.code == "503")
            #expect(answer.body.contains("receiver \\\"profiling\\\" (profiles): gone"))
        }
        strict.componentStatusChanged(event(.ok))
        #expect(try await ask(strict).code == "200")
        for health in [careless, strict] { try await health.shutdown() }
    }

    @Test func readsEveryKey() {
        let (configuration, errors, warnings) = decode(
            [
                ("endpoint", .string("0.0.0.0:13133")), ("path", .string("/h")),
                ("response_body", .tree([("healthy", .string("y")), ("unhealthy", .string("n"))])),
                (
                    "check_collector_pipeline",
                    .tree([
                        ("enabled", .boolean(true)), ("interval", .string("5m")),
                        ("exporter_failure_threshold", .integer(5)),
                    ])
                ),
                (
                    "component_health",
                    .tree([
                        ("include_permanent_errors", .boolean(true)), ("include_recoverable_errors", .boolean(true)),
                        ("recovery_duration", .string("5s")),
                    ])
                ),
            ], with: HealthCheckExtensionFactory().decode)
        #expect(errors.isEmpty && warnings.count == 1)
        #expect(configuration.path == "/h" && configuration.healthyBody == "y" && configuration.unhealthyBody == "n")
        #expect(configuration.server.address == .tcp(host: "0.0.0.0", port: 13133))
        #expect(configuration.includesPermanentErrors && configuration.recoverableErrorLimit == .seconds(5))
        let (defaults, none, _) = decode([], with: HealthCheckExtensionFactory().decode)
        #expect(none.isEmpty && defaults.server.address == .tcp(host: "localhost", port: 13133) && defaults.path == "/")
    }
}
