import Collector
import ExporterSupport
import Logging
import NIOSSL
import Synchronization

/// The TLS of one client, from files that are read again every `reload_interval`: connections made afterwards use what
/// the files hold then.
public final class ReloadingClientTLS: Sendable {
    private struct State {
        var contents: [String]
        var tls: TLSConfiguration
        var context: NIOSSLContext?
    }

    private let configuration: ClientTLSConfiguration
    private let protocols: [String]
    private let logger: Logger
    private let state: Mutex<State>
    private let reloading = Mutex<Task<Void, Never>?>(nil)
    private let files = BlockingWork(label: "otelcol-tls")

    /// Reads the files. Blocks for that.
    /// - Parameter protocols: For ALPN; empty if the user of the configuration sets them.
    /// - Throws: `CollectorError` that names the file.
    public init(_ configuration: ClientTLSConfiguration, protocols: [String] = [], logger: Logger) throws {
        self.configuration = configuration
        self.protocols = protocols
        self.logger = logger
        let (contents, tls) = try Self.read(configuration, protocols)
        state = Mutex(State(contents: contents, tls: tls))
    }

    private static func read(
        _ configuration: ClientTLSConfiguration, _ protocols: [String]
    ) throws -> ([String], TLSConfiguration) {
        // The contents first: should a file change in between, the next round sees it.
        let contents = configuration.fileContents()
        var tls = try configuration.nioTLS()
        if !protocols.isEmpty { tls.applicationProtocols = protocols }
        return (contents, tls)
    }

    /// For the next connection.
    public var current: TLSConfiguration { state.withLock { $0.tls } }

    /// For the next connection; made when it is first asked for.
    public func context() throws -> NIOSSLContext {
        try state.withLock { state in
            if let context = state.context { return context }
            let context = try NIOSSLContext(configuration: state.tls)
            state.context = context
            return context
        }
    }

    /// Begins to read files again, if that is configured. What cannot be read leaves the old ones in use.
    public func startReloading() {
        guard let interval = configuration.reloadInterval, configuration.hasFiles else { return }
        let task = Task {
            while true {
                do { try await Task.sleep(for: interval) } catch { return }
                await reload()
            }
        }
        reloading.withLock { $0 = task }
    }

    private func reload() async {
        let (configuration, protocols) = (configuration, protocols)
        let last = state.withLock { $0.contents }
        do {
            let new = try await files.run { () -> ([String], TLSConfiguration)? in
                // Unchanged ones must not make every connection be made anew.
                guard configuration.fileContents() != last else { return nil }
                return try Self.read(configuration, protocols)
            }
            guard let new else { return }
            state.withLock { $0 = State(contents: new.0, tls: new.1) }
            logger.info("TLS certificates have been read again")
        } catch {
            logger.warning(
                "Cannot read the TLS certificates again; going on with the old ones", metadata: ["error": "\(error)"])
        }
    }

    public func stopReloading() {
        reloading.withLock { $0.take() }?.cancel()
    }
}

extension ClientTLSConfiguration {
    private var sources: [Source] { [certificateAuthority, certificate, key].compactMap { $0 } }

    /// Whether there is anything that can change.
    var hasFiles: Bool {
        sources.contains { source in
            if case .file = source { true } else { false }
        }
    }

    /// Of the files that are configured; empty for one that cannot be read. Blocks.
    fileprivate func fileContents() -> [String] {
        sources.compactMap { source in
            guard case .file(let path) = source else { return nil }
            return (try? readWholeFile(path, maximumBytes: 16 << 20)) ?? ""
        }
    }
}
