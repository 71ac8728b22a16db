import Collector
import ExporterSupport
import Logging
import ServerSupport
import Synchronization

/// The extension `pprof`: this process's own CPU profile, for `go tool pprof`.
public struct PProfExtensionFactory: ExtensionFactory {
    public struct Configuration: Sendable {
        public var server = HTTPServerConfiguration(address: .tcp(host: "localhost", port: 1777))
        /// Gets the profile of the whole run, when the Collector stops.
        public var file: String?

        public init() {
            // Answers take as long as the caller wants to be profiled for: no limit on writing.
            server.readHeaderTimeout = .seconds(60)
        }
    }

    public let type = "pprof"
    public let stability = Stability.beta

    public init() {}

    public func decode(_ section: ConfigurationSection) -> Configuration {
        var configuration = Configuration()
        configuration.server = HTTPServerConfiguration(section, defaults: configuration.server)
        configuration.file = section.optionalString("save_to_file").flatMap { $0.isEmpty ? nil : $0 }
        for key in ["block_profile_fraction", "mutex_profile_fraction"] {
            if section.integer(key, default: 0) != 0 {
                section.warning(key, "has no effect: it is about waiting in Go programs")
            }
        }
        return configuration
    }

    public func makeExtension(configuration: Configuration, context: ComponentContext) async throws -> any Extension {
        PProfExtension(configuration: configuration, logger: context.logger)
    }
}

final class PProfExtension: Extension {
    private let configuration: PProfExtensionFactory.Configuration
    private let logger: Logger
    private let tap: ProfileTap
    private let service: PProfService
    private let server: HTTPServer
    private let files = BlockingWork(label: "otelcol-pprof")
    private let saving = Mutex<Task<OwnProfile, Never>?>(nil)

    init(configuration: PProfExtensionFactory.Configuration, logger: Logger, tap: ProfileTap = .shared) {
        self.configuration = configuration
        self.logger = logger
        self.tap = tap
        service = PProfService(tap: tap)
        server = HTTPServer(configuration: configuration.server, service: service, logger: logger)
    }

    /// The port listened on, while it is.
    var port: Int? { server.port }

    func start(host: any Host) async throws {
        if let file = configuration.file {
            // What cannot be written should be known now, not at the end.
            try await files.run { try OwnProfileFile.write([], to: file) }
            let stream = tap.listen()
            let task = Task {
                var profile = OwnProfile(from: unixNanosecondsNow())
                for await message in stream { profile.add(message) }
                return profile
            }
            saving.withLock { $0 = task }
        }
        try await server.start(host: host)
    }

    func pipelinesAreReady() async throws {
        if tap.interval == nil {
            logger.warning("No profiling receiver runs in this Collector, so there is no profile of it to serve")
        }
    }

    func shutdown() async throws {
        service.stop()
        await server.shutdown()
        guard let file = configuration.file, let task = saving.withLock({ $0.take() }) else { return }
        task.cancel()
        var profile = await task.value
        profile.end = unixNanosecondsNow()
        let bytes = try profile.encoded()
        try await files.run { try OwnProfileFile.write(bytes, to: file) }
        logger.info("Own CPU profile is saved", metadata: ["path": "\(file)", "samples": "\(profile.sampleCount)"])
    }
}
