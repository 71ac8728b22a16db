import Collector
import ServerSupport
import Synchronization

/// The servers of one configured receiver, shared by its instances for the signals. The first start starts them, the
/// first shutdown stops them: all receivers are shut down before anything that they feed.
final class OTLPServers: Sendable {
    private enum Phase {
        case new
        case running
        case stopped
    }

    private let configuration: OTLPReceiverConfiguration
    private let context: ComponentContext
    private let intake: OTLPIntake
    private let grpc: OTLPGRPCServer?
    private let http: HTTPServer?
    private let phase = Mutex(Phase.new)

    init(configuration: OTLPReceiverConfiguration, context: ComponentContext) {
        self.configuration = configuration
        self.context = context
        let intake = OTLPIntake(context)
        self.intake = intake
        grpc = configuration.grpc.map { OTLPGRPCServer(configuration: $0, intake: intake, logger: context.logger) }
        http = configuration.http.map {
            HTTPServer(
                configuration: $0.server, service: OTLPHTTPService(paths: $0.paths, intake: intake),
                logger: context.logger)
        }
    }

    func register(_ signal: Signal, _ next: any Consumer) { intake.register(signal, next) }

    /// The ports that are listened on.
    var ports: (grpc: Int?, http: Int?) { (grpc?.port, http?.port) }

    func start(host: any Host) async throws {
        let isFirst = phase.withLock { phase in
            guard case .new = phase else { return false }
            phase = .running
            return true
        }
        guard isFirst else { return }
        do {
            if let grpc, let address = configuration.grpc?.address {
                try await grpc.start(host: host)
                context.logger.info("Starting GRPC server", metadata: ["endpoint": "\(address)"])
            }
            if let http, let address = configuration.http?.server.address {
                try await http.start(host: host)
                context.logger.info("Starting HTTP server", metadata: ["endpoint": "\(address)"])
            }
        } catch {
            await shutdown()
            throw error
        }
    }

    func shutdown() async {
        let isFirst = phase.withLock { phase in
            guard case .running = phase else { return false }
            phase = .stopped
            return true
        }
        guard isFirst else { return }
        async let grpcDone: Void? = grpc?.shutdown()
        async let httpDone: Void? = http?.shutdown()
        _ = await (grpcDone, httpDone)
    }
}
