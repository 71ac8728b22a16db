import Collector
import ExporterTestSupport
import Foundation
import OTLP
import ServerSupport
import Synchronization

@testable import OTLPReceiver

/// The end of a pipeline: keeps what it gets, or refuses it.
final class Sink: Consumer {
    struct Delivery: Sendable {
        var telemetry: Telemetry
        var context: RequestContext?
    }

    private let state = Mutex<(deliveries: [Delivery], refusals: [any Error])>(([], []))

    var deliveries: [Delivery] { state.withLock { $0.deliveries } }

    /// Throws these for the next batches, one each.
    func refuse(_ errors: [any Error]) { state.withLock { $0.refusals = errors } }

    func consume(_ telemetry: Telemetry) async throws {
        let refusal = state.withLock { state in
            if state.refusals.isEmpty {
                state.deliveries.append(Delivery(telemetry: telemetry, context: RequestContext.current))
                return nil as (any Error)?
            }
            return state.refusals.removeFirst()
        }
        if let refusal { throw refusal }
    }
}

/// A running receiver on ports of its own, and what came through it.
struct ReceiverUnderTest {
    let sink = Sink()
    let log = LogRecorder()
    let metrics = MetricsRegistry()
    let receivers: [any Receiver]
    let servers: OTLPServers

    static let everything = OTLPReceiverConfiguration(
        grpc: {
            var grpc = OTLPReceiverConfiguration.GRPC()
            grpc.address = .tcp(host: "localhost", port: 0)
            return grpc
        }(),
        http: {
            var http = OTLPReceiverConfiguration.HTTP()
            http.server.address = .tcp(host: "localhost", port: 0)
            return http
        }())

    init(
        _ configuration: OTLPReceiverConfiguration = everything, signals: [Signal] = Signal.allCases,
        host: any Collector.Host = EmptyHost()
    ) async throws {
        let context = log.context(.receiver, type: "otlp", metrics: metrics)
        var receivers: [any Receiver] = []
        for signal in signals {
            receivers.append(
                try await OTLPReceiverFactory().makeReceiver(
                    signal: signal, configuration: configuration, context: context, next: sink))
        }
        for receiver in receivers { try await receiver.start(host: host) }
        self.receivers = receivers
        servers = context.shared.value { OTLPServers(configuration: configuration, context: context) }
    }

    var grpc: [String] { ["--grpc", "\(servers.ports.grpc ?? 0)"] }
    var http: [String] { ["--http", "\(servers.ports.http ?? 0)"] }

    func shutdown() async throws {
        for receiver in receivers { try await receiver.shutdown() }
    }
}

extension MetricsRegistry {
    func value(_ name: String, transport: String) -> Double? {
        samples().first { $0.name == name && $0.labels.contains(Label("transport", transport)) }?.value
    }
}
