import ClientTLS
import Collector
import ExporterSupport
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The TLS of one server: makes a handler for each connection, from certificates that may change while it runs.
public final class ServerTLS: Sendable {
    private let configuration: ServerTLSConfiguration
    private let protocols: [String]
    private let logger: Logger
    private let context: Mutex<NIOSSLContext>
    private let reloading = Mutex<Task<Void, Never>?>(nil)
    private let files = BlockingWork(label: "otelcol-tls")

    /// Reads the files. Blocks for that.
    /// - Parameter protocols: For ALPN, the preferred one first.
    /// - Throws: `CollectorError` that names the file.
    public init(_ configuration: ServerTLSConfiguration, protocols: [String], logger: Logger) throws {
        self.configuration = configuration
        self.protocols = protocols
        self.logger = logger
        context = Mutex(try Self.makeContext(configuration, protocols))
    }

    private static func makeContext(
        _ configuration: ServerTLSConfiguration, _ protocols: [String]
    ) throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try configuration.certificate.certificates("certificate").map { .certificate($0) },
            privateKey: .privateKey(try configuration.key.privateKey()))
        if let authority = configuration.clientAuthority {
            tls.trustRoots = .certificates(try authority.certificates("client CA certificate"))
            tls.certificateVerification = .noHostnameVerification
        }
        tls.minimumTLSVersion = configuration.minimumVersion.nioVersion
        tls.maximumTLSVersion = configuration.maximumVersion?.nioVersion
        if !configuration.cipherSuites.isEmpty {
            tls.cipherSuiteValues = configuration.cipherSuites.map { NIOTLSCipher($0) }
        }
        if !configuration.curves.isEmpty { tls.curves = configuration.curves.map { NIOTLSCurve($0) } }
        tls.applicationProtocols = protocols
        // A peer that does not say goodbye must not hold up a shutdown.
        tls.shutdownTimeout = .milliseconds(500)
        do {
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw CollectorError("cannot use the TLS certificate and key: \(error)")
        }
    }

    public func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: context.withLock { $0 })
    }

    /// Begins to read certificates again, if that is configured. What cannot be read leaves the old ones in use.
    public func startReloading() {
        let interval = configuration.reloadInterval ?? (configuration.reloadsClientAuthority ? .seconds(10) : nil)
        guard let interval else { return }
        let task = Task {
            while true {
                do { try await Task.sleep(for: interval) } catch { return }
                do {
                    let (configuration, protocols) = (configuration, protocols)
                    let new = try await files.run { try Self.makeContext(configuration, protocols) }
                    context.withLock { $0 = new }
                } catch {
                    logger.warning(
                        "Cannot read the TLS certificates again; going on with the old ones",
                        metadata: ["error": "\(error)"])
                }
            }
        }
        reloading.withLock { $0 = task }
    }

    public func stopReloading() {
        reloading.withLock { $0.take() }?.cancel()
    }
}
