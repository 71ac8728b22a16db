import Collector
import Logging

/// Makes what `ProfilingResources` lists in a cluster, and leaves alone what is there.
public struct ClusterSetup: Sendable {
    private let cluster: ClusterClient

    /// - Parameter configuration: Endpoints, authentication and TLS count.
    public init(_ configuration: ElasticsearchConfiguration, build: BuildInformation) {
        cluster = ClusterClient(
            configuration: configuration, build: build, logger: Logger(label: "elasticsearch-setup"))
    }

    /// - Parameter report: Called with a line for each resource.
    /// - Throws: `CollectorError` that says which one could not be made and why; those before it stay.
    public func run(report: @Sendable (String) -> Void) async throws {
        do {
            try await makeAll(report)
        } catch let error as NoAnswer {
            await cluster.shutdown()
            throw CollectorError(error.description)
        } catch {
            await cluster.shutdown()
            throw error
        }
        await cluster.shutdown()
    }

    private func makeAll(_ report: @Sendable (String) -> Void) async throws {
        let root = try await cluster.request(.GET, "/")
        guard root.isSuccess else {
            throw CollectorError("GET / responded with status \(root.status) \(ServerError.text(ofAnswer: root.body))")
        }
        for resource in ProfilingResources.all {
            let known = try await cluster.request(.GET, resource.path, maximumAnswerBytes: 16 << 20)
            if known.isSuccess {
                report("is there   \(resource.summary)")
                continue
            }
            guard known.status == 404 else { throw failure("GET", resource, known) }
            let body = resource.body.isEmpty ? nil : Array(resource.body.utf8)
            let answer = try await cluster.request(
                .PUT, resource.path, headers: [("Content-Type", "application/json")], body: body)
            guard answer.isSuccess else { throw failure("PUT", resource, answer) }
            report("made       \(resource.summary)")
        }
    }

    private func failure(
        _ method: String, _ resource: ProfilingResources.Resource, _ answer: HTTPAnswer
    ) -> CollectorError {
        let text = ServerError.text(ofAnswer: answer.body)
        return CollectorError("\(method) \(resource.path) responded with status \(answer.status) \(text)")
    }
}
