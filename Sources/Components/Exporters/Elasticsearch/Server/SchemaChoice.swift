import ExporterSupport
import Logging
import Synchronization

/// Which schema profiles are written in: the configured one, or what the server's version takes. Asked for once, and
/// again after documents were refused.
final class SchemaChoice: Sendable {
    private let configured: ProfileSettings.Schema
    private let cluster: ClusterClient
    private let logger: Logger
    private let known: Mutex<ProfileSchema?>

    init(_ configured: ProfileSettings.Schema, cluster: ClusterClient, logger: Logger) {
        self.configured = configured
        self.cluster = cluster
        self.logger = logger
        let fixed: ProfileSchema? =
            switch configured {
            case .auto: nil
            case .classic: .classic
            case .otel: .otel
            }
        known = Mutex(fixed)
    }

    func forget() {
        if configured == .auto { known.withLock { $0 = nil } }
    }

    /// - Throws: `RetryableError` if the server cannot say now.
    func schema() async throws -> ProfileSchema {
        if let known = known.withLock({ $0 }) { return known }
        let schema = try await ask()
        let isNew = known.withLock { known in
            defer { known = schema }
            return known == nil
        }
        if isNew {
            logger.info("Schema of profiles chosen", metadata: ["schema": "\(schema)"])
            if schema == .classic { await checkTemplates() }
        }
        return schema
    }

    private func ask() async throws -> ProfileSchema {
        let answer: HTTPAnswer
        do {
            answer = try await cluster.request(.GET, "/")
        } catch let error as NoAnswer {
            throw RetryableError(error.description)
        }
        switch answer.status {
        case 200..<300:
            if let information = try? ServerInformation(parsing: answer.body), information.major > 0 {
                return information.profileSchema
            }
            logger.warning(
                """
                The server does not tell its version; profiles are written in the classic schema. \
                profiles::schema chooses one
                """)
            return .classic
        case 408, 429, 500...:
            throw RetryableError("GET / responded with status \(answer.status)", delay: answer.retryAfter)
        default:
            logger.warning(
                """
                The server's version may not be asked for; profiles are written in the classic schema. \
                profiles::schema chooses one
                """,
                metadata: ["status": "\(answer.status)"])
            return .classic
        }
    }

    /// One clear line now is better than one for every batch.
    private func checkTemplates() async {
        guard let answer = try? await cluster.request(.GET, "/_profiling/status"), answer.isSuccess,
            ServerInformation.hasProfilingResources(answer.body) == false
        else { return }
        logger.warning(
            """
            The cluster has no profiling templates, so it will refuse profiles: set \
            xpack.profiling.templates.enabled to true (PUT _cluster/settings), or run `otelcol elasticsearch setup`
            """)
    }
}
