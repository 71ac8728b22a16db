import Collector
import ExporterSupport
import Logging
import Synchronization

/// The extension `bearertokenauth`: one token, or several, in a header field; for receivers and for exporters.
public struct BearerTokenAuthFactory: ExtensionFactory {
    public struct Configuration: Sendable {
        /// The field's name as written; compared without regard to case.
        public var header = "Authorization"
        /// Stands before the token; empty for the bare token.
        public var scheme = "Bearer"
        public var tokens: [OpaqueString] = []
        /// One token a line; wins over `tokens`.
        public var file: String?

        public init() {}
    }

    public let type = "bearertokenauth"
    public let stability = Stability.beta

    public init() {}

    public func decode(_ section: ConfigurationSection) -> Configuration {
        var configuration = Configuration()
        configuration.header = section.string("header", default: configuration.header)
        configuration.scheme = section.string("scheme", default: configuration.scheme)
        let token = section.opaqueString("token").flatMap { $0.isEmpty ? nil : $0 }
        let tokens = section.opaqueStrings("tokens").filter { !$0.isEmpty }
        if token != nil, !tokens.isEmpty { section.error("tokens", "either tokens or token should be set, not both") }
        configuration.tokens = tokens + [token].compactMap { $0 }
        configuration.file = section.optionalString("filename").flatMap { $0.isEmpty ? nil : $0 }
        if configuration.tokens.isEmpty, configuration.file == nil {
            section.error(nil, "no bearer token provided: set token, tokens or filename")
        }
        if configuration.header.isEmpty { section.error("header", "must not be empty") }
        return configuration
    }

    public func makeExtension(configuration: Configuration, context: ComponentContext) async throws -> any Extension {
        BearerTokenAuth(configuration, logger: context.logger)
    }
}

final class BearerTokenAuth: ClientAuthenticator, ServerAuthenticator {
    private let configuration: BearerTokenAuthFactory.Configuration
    private let logger: Logger
    /// The whole values of the field.
    private let values: Mutex<[String]>
    private let watching = Mutex<Task<Void, Never>?>(nil)
    private let files = BlockingWork(label: "otelcol-token")
    private let pollInterval: Duration

    init(
        _ configuration: BearerTokenAuthFactory.Configuration, logger: Logger, pollInterval: Duration = .seconds(1)
    ) {
        self.configuration = configuration
        self.logger = logger
        self.pollInterval = pollInterval
        values = Mutex(Self.values(configuration.tokens.map(\.value), scheme: configuration.scheme))
    }

    var challenge: String { configuration.scheme.isEmpty ? "Bearer" : configuration.scheme }

    func start(host: any Host) async throws {
        guard let file = configuration.file else { return }
        try await read(file)
        let task = Task {
            while true {
                do { try await Task.sleep(for: pollInterval) } catch { return }
                do {
                    try await read(file)
                } catch {
                    logger.error(
                        "Cannot read the token again; going on with the old one", metadata: ["error": "\(error)"])
                }
            }
        }
        watching.withLock { $0 = task }
    }

    func shutdown() async throws { watching.withLock { $0.take() }?.cancel() }

    private func read(_ file: String) async throws {
        let text = try await files.run {
            do {
                return try readWholeFile(file, maximumBytes: 1 << 20)
            } catch {
                throw CollectorError("cannot read the token in \(file): \(error)")
            }
        }
        let tokens = text.split(whereSeparator: \.isNewline).map { $0.trimmed() }
        let new = Self.values(tokens.filter { !$0.isEmpty }, scheme: configuration.scheme)
        guard !new.isEmpty else { throw CollectorError("\(file) holds no token") }
        values.withLock { $0 = new }
    }

    private static func values(_ tokens: [String], scheme: String) -> [String] {
        tokens.map { scheme.isEmpty ? $0 : "\(scheme) \($0)" }
    }

    // MARK: - Clients

    func requestHeaders() async throws -> [(name: String, value: String)] {
        guard let value = values.withLock({ $0.first }) else { throw CollectorError("there is no token yet") }
        return [(configuration.header, value)]
    }

    // MARK: - Servers

    func authenticate(headers: [String: [String]]) async throws -> [String: String] {
        guard let shown = headers[configuration.header.lowercased()], let first = shown.first else {
            throw AuthenticationFailure("missing or empty authorization header: \(configuration.header)")
        }
        let known = values.withLock { $0 }
        // All are compared, each in the same time, so that the time tells nothing about them.
        let matches = known.reduce(false) { isEqualInConstantTime($1, first) || $0 }
        guard matches else {
            throw AuthenticationFailure("provided authorization does not match expected scheme or token")
        }
        return ["raw": first]
    }
}
