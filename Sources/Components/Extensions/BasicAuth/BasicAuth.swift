import Collector
import Crypto
import ExporterSupport
import FoundationEssentials
import Logging
import Synchronization

/// The extension `basicauth`: user and password in the field `Authorization` (RFC 7617), for receivers or exporters.
public struct BasicAuthFactory: ExtensionFactory {
    public let type = "basicauth"
    public let stability = Stability.beta

    public init() {}

    public func decode(_ section: ConfigurationSection) -> BasicAuthConfiguration { BasicAuthConfiguration(section) }

    public func makeExtension(
        configuration: BasicAuthConfiguration, context: ComponentContext
    ) async throws -> any Extension {
        if let client = configuration.client { return BasicAuthClient(client, logger: context.logger) }
        return BasicAuthServer(configuration.users ?? .init(), logger: context.logger)
    }
}

/// Files that are read again while somebody uses what they say.
final class WatchedFiles: Sendable {
    private let files = BlockingWork(label: "otelcol-basicauth")
    private let watching = Mutex<Task<Void, Never>?>(nil)

    /// Calls `read` now and then every `interval`. What it throws the first time is thrown; later it is logged, once
    /// until it works again.
    func start(
        interval: Duration, logger: Logger, _ read: @escaping @Sendable () throws -> Void
    ) async throws {
        try await files.run(read)
        let files = files
        let task = Task {
            var failure = ""
            while true {
                do { try await Task.sleep(for: interval) } catch { return }
                do {
                    try await files.run(read)
                    failure = ""
                } catch {
                    if failure != "\(error)" {
                        logger.error(
                            "Cannot read the credentials again; going on with the old ones",
                            metadata: ["error": "\(error)"])
                    }
                    failure = "\(error)"
                }
            }
        }
        watching.withLock { $0 = task }
    }

    func stop() { watching.withLock { $0.take() }?.cancel() }
}

/// Lets those in who are in the password file.
final class BasicAuthServer: ServerAuthenticator {
    /// Pairs of user and password that were right, as keyed hashes: a hash that takes long is made once for each.
    private struct Known {
        var file = PasswordFile("")
        /// Counts the files.
        var generation = 0
        var accepted: Set<Data> = []
    }
    private static let maximumAccepted = 1000

    private let users: BasicAuthConfiguration.Users
    private let logger: Logger
    private let pollInterval: Duration
    private let key = SymmetricKey(size: .bits256)
    private let state = Mutex(Known())
    private let watched = WatchedFiles()
    private let hashing = BlockingWork(label: "otelcol-passwords")
    /// Of the file, so that an unchanged one does not make everybody's password be hashed again.
    private let lastText = Mutex<String?>(nil)

    init(_ users: BasicAuthConfiguration.Users, logger: Logger, pollInterval: Duration = .seconds(1)) {
        self.users = users
        self.logger = logger
        self.pollInterval = pollInterval
    }

    var challenge: String { "Basic realm=\"otelcol\", charset=\"UTF-8\"" }

    func start(host: any Host) async throws {
        guard users.file != nil else {
            try read()
            return
        }
        try await watched.start(interval: pollInterval, logger: logger) { [self] in try read() }
    }

    func shutdown() async throws { watched.stop() }

    private func read() throws {
        var text = ""
        if let file = users.file {
            do {
                text = try readWholeFile(file, maximumBytes: 16 << 20)
            } catch {
                throw CollectorError("cannot read the users in \(file): \(error)")
            }
        }
        if let inline = users.inline { text += "\n" + inline.value }
        guard lastText.withLock({ $0 }) != text else { return }
        let new = PasswordFile(text)
        guard !new.isEmpty else { throw CollectorError("\(users.file ?? "htpasswd::inline") holds no user") }
        for problem in new.problems {
            logger.warning("A user is left out", metadata: ["error": "\(users.file ?? "inline"): \(problem)"])
        }
        state.withLock { $0 = Known(file: new, generation: $0.generation + 1) }
        lastText.withLock { $0 = text }
    }

    func authenticate(headers: [String: [String]]) async throws -> [String: String] {
        guard let field = headers["authorization"]?.first, !field.isEmpty else {
            throw AuthenticationFailure("no basic auth provided")
        }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic" else {
            throw AuthenticationFailure("invalid authorization scheme")
        }
        guard let bytes = Data(base64Encoded: parts[1].trimmed()), let text = String(bytes: bytes, encoding: .utf8),
            let colon = text.firstIndex(of: ":")
        else { throw AuthenticationFailure("invalid format of the credentials") }
        let (user, password) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
        let proof = Data(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
        let (file, generation, isKnown) = state.withLock { ($0.file, $0.generation, $0.accepted.contains(proof)) }
        if !isKnown {
            guard try await hashing.run({ file.accepts(user: user, password: password) }) else {
                throw AuthenticationFailure("invalid credentials")
            }
            state.withLock { state in
                // A file that was exchanged meanwhile may not know the user any more.
                guard state.generation == generation else { return }
                if state.accepted.count >= Self.maximumAccepted { state.accepted.removeAll() }
                state.accepted.insert(proof)
            }
        }
        return ["username": user, "raw": field]
    }
}

/// Shows who is calling.
final class BasicAuthClient: ClientAuthenticator {
    private let client: BasicAuthConfiguration.Client
    private let logger: Logger
    private let pollInterval: Duration
    private let value = Mutex<String?>(nil)
    private let watched = WatchedFiles()

    init(_ client: BasicAuthConfiguration.Client, logger: Logger, pollInterval: Duration = .seconds(1)) {
        self.client = client
        self.logger = logger
        self.pollInterval = pollInterval
    }

    func start(host: any Host) async throws {
        guard client.usernameFile != nil || client.passwordFile != nil else {
            try read()
            return
        }
        try await watched.start(interval: pollInterval, logger: logger) { [self] in try read() }
    }

    func shutdown() async throws { watched.stop() }

    private func read() throws {
        func content(_ file: String?, _ written: String?) throws -> String {
            guard let file else { return written ?? "" }
            do {
                return try readWholeFile(file, maximumBytes: 1 << 16)[...].trimmed()
            } catch {
                throw CollectorError("cannot read the credentials in \(file): \(error)")
            }
        }
        let user = try content(client.usernameFile, client.username)
        let password = try content(client.passwordFile, client.password?.value)
        if user.contains(":") { throw CollectorError("the user's name must not contain a colon") }
        value.withLock { $0 = "Basic " + Data("\(user):\(password)".utf8).base64EncodedString() }
    }

    func requestHeaders() async throws -> [(name: String, value: String)] {
        guard let value = value.withLock({ $0 }) else { throw CollectorError("there are no credentials yet") }
        return [("Authorization", value)]
    }
}
