import Collector
import ExporterSupport

extension ElasticsearchSender: ProbingSender {
    /// Asks for the server's version, which leaves nothing behind.
    func probe(_ signal: Signal) async throws -> String {
        let answer = try await cluster.request(.GET, "/")
        switch answer.status {
        case 200..<300:
            guard let information = try? ServerInformation(parsing: answer.body), information.major > 0 else {
                return "the server answers"
            }
            return "Elasticsearch \(information.major).\(information.minor) answers"
        // A key that may only write is a good key.
        case 403: return "the server answers; the credentials may not ask for its version"
        case 401: throw CollectorError("the server does not know the credentials: check api_key, or user and password")
        default: throw CollectorError("GET / responded with status \(answer.status)")
        }
    }
}
