import AsyncHTTPClient
import ClientTLS
import Collector
import ExporterSupport
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// The extension `apikeyauth`: lets those in whose Elasticsearch API key has certain privileges.
public struct APIKeyAuthFactory: ExtensionFactory {
    public let type = "apikeyauth"
    public let stability = Stability.beta

    public init() {}

    public func decode(_ section: ConfigurationSection) -> APIKeyAuthConfiguration { APIKeyAuthConfiguration(section) }

    public func makeExtension(
        configuration: APIKeyAuthConfiguration, context: ComponentContext
    ) async throws -> any Extension {
        APIKeyAuth(configuration, context: context)
    }
}

final class APIKeyAuth: ServerAuthenticator {
    private static let maximumAnswerBytes = 1 << 20

    private let configuration: APIKeyAuthConfiguration
    private let logger: Logger
    private let userAgent: String
    private let cache: KeyCache
    private let running = Mutex<(client: HTTPClient, tls: ReloadingClientTLS?)?>(nil)

    init(_ configuration: APIKeyAuthConfiguration, context: ComponentContext) {
        self.configuration = configuration
        logger = context.logger
        userAgent = "\(context.build.description)/\(context.build.version) (linux)"
        cache = KeyCache(configuration.cache)
    }

    var challenge: String { "ApiKey" }

    private var serverName: ServerNameOverride? {
        ServerNameOverride(configuration.endpoint + PrivilegeQuestion.path, name: configuration.tls.serverName)
    }

    func start(host: any Host) async throws {
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.timeout.connect = .seconds(10)
        settings.connectionPool.retryConnectionEstablishment = false
        var tls: ReloadingClientTLS?
        if configuration.endpoint.lowercased().hasPrefix("https://") {
            tls = try ReloadingClientTLS(configuration.tls, logger: logger)
            tls?.startReloading()
        }
        if let name = serverName { settings.dnsOverride = [name.name: name.host] }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        running.withLock { $0 = (client, tls) }
    }

    func shutdown() async throws {
        guard let running = running.withLock({ $0.take() }) else { return }
        running.tls?.stopReloading()
        try await running.client.shutdown()
    }

    // MARK: - Requests

    func authenticate(headers: [String: [String]]) async throws -> [String: String] {
        guard let field = headers["authorization"]?.first, !field.isEmpty else {
            throw AuthenticationFailure("missing header \"Authorization\"")
        }
        guard field.hasPrefix("ApiKey ") else { throw AuthenticationFailure("ApiKey prefix not found") }
        guard let bytes = Data(base64Encoded: field.dropFirst("ApiKey ".count).trimmed()),
            let text = String(bytes: bytes, encoding: .utf8), let colon = text.firstIndex(of: ":")
        else { throw AuthenticationFailure("invalid API Key") }
        let id = String(text[..<colon])
        let known = ["username": "", "api_key": id]
        let place = try cachePlace(id, headers)
        let proof = cache.proof(of: field)
        func result(_ verdict: KeyCache.Verdict) throws -> [String: String] {
            guard case .accepted(let username) = verdict else {
                throw AuthenticationFailure("API Key \"\(id)\" unauthorized")
            }
            return known.merging(["username": username]) { $1 }
        }
        if let verdict = cache.verdict(place, proof: proof, now: .now) { return try result(verdict) }
        let body = try PrivilegeQuestion.body(configuration.privileges, headers: headers)
        guard let answer = try await ask(field, body) else {
            // The cluster knows no such key. Not remembered: somebody may be making it just now.
            throw AuthenticationFailure("API Key \"\(id)\" unauthorized")
        }
        let verdict: KeyCache.Verdict = answer.hasAllRequested ? .accepted(username: answer.username) : .refused
        cache.set(verdict, place, proof: proof, now: .now)
        return try result(verdict)
    }

    private func cachePlace(_ id: String, _ headers: [String: [String]]) throws -> String {
        var parts = [id]
        for field in configuration.cache.fields {
            guard let values = headers[field], !values.isEmpty else {
                throw AuthenticationFailure("error computing cache key: missing header \"\(field)\"")
            }
            parts += values
        }
        // Lengths, so that no value can pass for two.
        return parts.map { "\($0.utf8.count):\($0)" }.joined()
    }

    // MARK: - The cluster

    /// - Returns: Nil if the cluster does not know the key.
    /// - Throws: `AuthenticationUnavailable` if it gave no answer that says anything.
    private func ask(_ field: String, _ body: [UInt8]) async throws -> PrivilegeQuestion.Answer? {
        var interval = configuration.retry?.initialInterval ?? .zero
        var attempt = 0
        while true {
            do {
                return try await askOnce(field, body)
            } catch let failure as Failure {
                guard failure.isPassing, let retry = configuration.retry, attempt < retry.maximumRetries else {
                    logger.error("Cannot ask Elasticsearch about an API key", metadata: ["error": "\(failure)"])
                    throw AuthenticationUnavailable(
                        "Elasticsearch cannot be asked about the API key", retryDelay: configuration.callerDelay)
                }
                attempt += 1
                try await Task.sleep(for: interval)
                interval = min(interval * 2, retry.maximumInterval)
            }
        }
    }

    private struct Failure: Error, CustomStringConvertible {
        var description: String
        /// Asking again may help.
        var isPassing: Bool
    }

    private func askOnce(_ field: String, _ body: [UInt8]) async throws -> PrivilegeQuestion.Answer? {
        guard let running = running.withLock({ $0 }) else {
            throw Failure(description: "the extension does not run", isPassing: false)
        }
        let serverName = serverName
        var request = HTTPClientRequest(url: serverName?.url ?? configuration.endpoint + PrivilegeQuestion.path)
        request.tlsConfiguration = running.tls?.current
        request.method = .POST
        if let serverName { request.headers.add(name: "Host", value: serverName.authority) }
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: userAgent)
        for (name, value) in configuration.headers { request.headers.replaceOrAdd(name: name, value: value.value) }
        request.headers.replaceOrAdd(name: "Authorization", value: field)
        request.body = .bytes(ByteBuffer(bytes: body))
        let timeout = configuration.timeout > .zero ? configuration.timeout : .seconds(3600)
        let (status, bytes): (UInt, [UInt8])
        do {
            let response = try await running.client.execute(
                request, timeout: TimeAmount(saturating: timeout), logger: nil)
            status = response.status.code
            bytes = Array(buffer: try await response.body.collect(upTo: Self.maximumAnswerBytes))
        } catch {
            throw Failure(description: connectionFailureText(error), isPassing: true)
        }
        switch status {
        case 200:
            do {
                return try PrivilegeQuestion.answer(bytes)
            } catch {
                throw Failure(description: "the answer of \(configuration.endpoint) cannot be read", isPassing: false)
            }
        case 401, 403: return nil
        default:
            throw Failure(
                description: "\(configuration.endpoint) answered with status \(status)",
                isPassing: [429, 502, 503, 504].contains(status))
        }
    }
}
