import Collector

/// The receiver `otlp`: all signals by OTLP over gRPC and HTTP.
public struct OTLPReceiverFactory: ReceiverFactory {
    public let type = "otlp"
    public let stability: [Signal: Stability] = [
        .traces: .stable, .metrics: .stable, .logs: .stable, .profiles: .alpha,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> OTLPReceiverConfiguration {
        OTLPReceiverConfiguration(section)
    }

    public func makeReceiver(
        signal: Signal, configuration: OTLPReceiverConfiguration, context: ComponentContext, next: any Consumer
    ) async throws -> any Receiver {
        // All instances are made before the first is started: the servers know then what is taken.
        let servers = context.shared.value { OTLPServers(configuration: configuration, context: context) }
        servers.register(signal, next)
        return OTLPReceiver(servers: servers)
    }
}

/// The receiver as one signal's pipelines see it.
struct OTLPReceiver: Receiver {
    let servers: OTLPServers

    func start(host: any Host) async throws { try await servers.start(host: host) }

    func shutdown() async throws { await servers.shutdown() }
}
