import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ProfileStore
import Synchronization

/// Why the viewer does not listen.
public enum ViewerError: Error, Equatable, Sendable, CustomStringConvertible {
    case endpointInUse(String)
    case cannotListen(endpoint: String, reason: String)

    public var description: String {
        switch self {
        case .endpointInUse(let endpoint):
            "the profile viewer cannot listen on \(endpoint): another program does; stop it or set another `endpoint`"
        case .cannotListen(let endpoint, let reason):
            "the profile viewer cannot listen on \(endpoint): \(reason); set another `endpoint`"
        }
    }
}

/// The viewer's web server.
public final class ProfileViewerServer: Sendable {
    private let store: ProfileStore
    private let configuration: ViewerConfiguration
    private let logger: Logger
    private let running = Mutex<Task<Void, any Error>?>(nil)

    public init(store: ProfileStore, configuration: ViewerConfiguration, logger: Logger) {
        self.store = store
        self.configuration = configuration
        self.logger = logger
    }

    /// Begins to listen.
    /// - Returns: the port, for configurations that leave the choice to the system.
    /// - Throws: `ViewerError`.
    public func start() async throws -> Int {
        let (started, continuation) = AsyncThrowingStream.makeStream(of: Int.self)
        let application = Self.application(
            store: store, configuration: configuration, logger: logger,
            onRunning: { port in
                continuation.yield(port)
                continuation.finish()
            })
        let task = Task {
            do {
                try await application.run()
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
                throw error
            }
        }
        do {
            for try await port in started {
                running.withLock { $0 = task }
                return port
            }
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw ViewerError.endpointInUse(configuration.endpoint)
        } catch {
            throw ViewerError.cannotListen(endpoint: configuration.endpoint, reason: "\(error)")
        }
        throw ViewerError.cannotListen(endpoint: configuration.endpoint, reason: "the server ended at once")
    }

    /// Stops listening and ends open requests.
    public func shutdown() async {
        guard let task = running.withLock({ $0.take() }) else { return }
        task.cancel()
        _ = await task.result
    }

    static func application(
        store: ProfileStore, configuration: ViewerConfiguration, logger: Logger,
        onRunning: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> Application<ViewerResponder> {
        let responderLogger = logger
        var logger = logger
        // The framework tells of each start and stop, and calls a connection that a shutdown ends an error; the extension
        // says what matters in our own words.
        logger.logLevel = .critical
        // `localhost` may mean ::1 first, where a browser that tries 127.0.0.1 finds nobody.
        let host = configuration.host == "localhost" ? "127.0.0.1" : configuration.host
        return Application(
            responder: ViewerResponder(store: store, configuration: configuration, logger: responderLogger),
            configuration: .init(address: .hostname(host, port: configuration.port)),
            onServerRunning: { channel in onRunning(channel.localAddress?.port ?? configuration.port) },
            logger: logger)
    }
}
