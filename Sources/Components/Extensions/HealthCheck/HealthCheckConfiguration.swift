import Collector
import ServerSupport

/// What `extensions::health_check` says.
public struct HealthCheckConfiguration: Sendable {
    public var server = HTTPServerConfiguration(address: .tcp(host: "localhost", port: 13133))
    public var path = "/"
    /// Sent in place of the JSON objects.
    public var healthyBody: String?
    public var unhealthyBody: String?
    /// A component that has failed for good makes the Collector unhealthy. Not in the reference.
    public var includesPermanentErrors = false
    /// So does one that expects its failure to pass, if that has lasted for so long. Nil: never.
    public var recoverableErrorLimit: Duration?

    public init() {
        server.readHeaderTimeout = .seconds(60)
        server.writeTimeout = .seconds(30)
        server.idleTimeout = .seconds(60)
    }

    public init(_ section: ConfigurationSection) {
        self.init()
        server = HTTPServerConfiguration(section, defaults: server)
        let text = section.string("path", default: "/")
        if !text.hasPrefix("/") { section.error("path", "must begin with a slash") }
        path = text
        if let bodies = section.optionalSection("response_body") {
            healthyBody = bodies.optionalString("healthy")
            unhealthyBody = bodies.optionalString("unhealthy")
        }
        // Known not to work where it comes from; accepted, as configurations carry it.
        if let pipeline = section.optionalSection("check_collector_pipeline", .offUnlessWritten) {
            _ = pipeline.optionalDuration("interval")
            _ = pipeline.optionalInteger("exporter_failure_threshold")
            section.warning("check_collector_pipeline", "has no effect; use component_health instead")
        }
        if let health = section.optionalSection("component_health") {
            includesPermanentErrors = health.boolean("include_permanent_errors", default: false)
            let includesRecoverable = health.boolean("include_recoverable_errors", default: false)
            let limit = health.duration("recovery_duration", default: .seconds(60), in: .zero ... .longest)
            recoverableErrorLimit = includesRecoverable ? limit : nil
        }
    }
}
