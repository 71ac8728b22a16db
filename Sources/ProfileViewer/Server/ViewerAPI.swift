import Foundation
import NIOCore
import ProfileStore

/// The API below `/api/v1/`:
///
/// | path | parameters | answer |
/// |---|---|---|
/// | `status` | | extent and size of the store |
/// | `overview` | filter, `timelineFrom`, `timelineTo` | processes, threads, sample types, timeline |
/// | `flamegraph` | filter, `text`, `group` | binary, see `FlameGraphCoding` |
/// | `functions` | filter, `text`, `limit` (100) | top functions by self value |
///
/// The filter is `from`, `to` (seconds since 1970), `type`, `unit` (samples, count), `process` (name), `processID`,
/// `thread` (name). All answers but `flamegraph` are JSON; times are seconds since 1970.
struct ViewerAPI: Sendable {
    let store: ProfileStore

    struct Content {
        var type: String
        var body: ByteBuffer
    }

    /// - Returns: nil when there is no such endpoint.
    func answer(_ endpoint: String, _ query: ViewerQuery) async throws -> Content? {
        switch endpoint {
        case "status":
            let status = try await store.status()
            return try Self.json(
                StatusAnswer(
                    oldestSeconds: status.oldestSeconds, newestSeconds: status.newestSeconds,
                    bucketSeconds: status.bucketSeconds, sizeBytes: status.sizeBytes, nowSeconds: status.nowSeconds))
        case "overview":
            let overview = try await store.overview(
                try query.filter(), timelineFromSeconds: try query.time("timelineFrom"),
                timelineToSeconds: try query.time("timelineTo"))
            return try Self.json(OverviewAnswer(overview))
        case "flamegraph":
            let graph = try await store.flameGraph(try query.filter(), grouping: try query.grouping())
            return Content(type: "application/octet-stream", body: try FlameGraphCoding.encode(graph))
        case "functions":
            let limit = try query.integer("limit", in: 1...10_000) ?? 100
            let graph = try await store.flameGraph(try query.filter())
            return try Self.json(
                FunctionsAnswer(
                    total: graph.total,
                    functions: graph.topFunctions(limit: Int(limit)).map {
                        FunctionsAnswer.Function(
                            name: $0.function.name, file: $0.function.file, module: $0.function.module,
                            kind: $0.function.kind, selfValue: $0.selfValue, totalValue: $0.totalValue)
                    }))
        default:
            return nil
        }
    }

    private static func json(_ value: some Encodable) throws -> Content {
        Content(type: "application/json", body: ByteBuffer(bytes: try JSONEncoder().encode(value)))
    }
}

// MARK: - Answers; the property names are the API

private struct StatusAnswer: Encodable {
    var oldestSeconds: Int64?
    var newestSeconds: Int64?
    var bucketSeconds: Int64
    var sizeBytes: Int64
    var nowSeconds: Int64

    private enum CodingKeys: CodingKey {
        case oldestSeconds, newestSeconds, bucketSeconds, sizeBytes, nowSeconds
    }

    /// An empty store says null, not nothing.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(oldestSeconds, forKey: .oldestSeconds)
        try container.encode(newestSeconds, forKey: .newestSeconds)
        try container.encode(bucketSeconds, forKey: .bucketSeconds)
        try container.encode(sizeBytes, forKey: .sizeBytes)
        try container.encode(nowSeconds, forKey: .nowSeconds)
    }
}

private struct OverviewAnswer: Encodable {
    struct Process: Encodable {
        var id: Int64
        var pid: Int64
        var name: String
        var executablePath: String
        var containerID: String
        var serviceName: String
        var value: Int64
        var cpuTimeNanoseconds: Int64
    }

    struct Thread: Encodable {
        var name: String
        var count: Int
        var value: Int64
    }

    struct SampleType: Encodable {
        var type: String
        var unit: String
        var value: Int64
    }

    struct Timeline: Encodable {
        var startSeconds: Int64
        var stepSeconds: Int64
        var values: [Int64]
        var cpuTimeNanoseconds: [Int64]
    }

    var processes: [Process]
    var threads: [Thread]
    var sampleTypes: [SampleType]
    var timeline: Timeline

    /// Longer lists help nobody; the largest come first.
    private static let maximumRows = 2000

    init(_ overview: Overview) {
        processes = overview.processes.prefix(Self.maximumRows).map {
            Process(
                id: $0.id, pid: $0.pid, name: $0.name, executablePath: $0.executablePath,
                containerID: $0.containerID, serviceName: $0.serviceName, value: $0.value,
                cpuTimeNanoseconds: $0.cpuTimeNanoseconds)
        }
        threads = overview.threads.prefix(Self.maximumRows).map {
            Thread(name: $0.name, count: $0.count, value: $0.value)
        }
        sampleTypes = overview.sampleTypes.map {
            SampleType(type: $0.name.type, unit: $0.name.unit, value: $0.value)
        }
        timeline = Timeline(
            startSeconds: overview.timeline.startSeconds, stepSeconds: overview.timeline.stepSeconds,
            values: overview.timeline.values, cpuTimeNanoseconds: overview.timeline.cpuTimeNanoseconds)
    }
}

private struct FunctionsAnswer: Encodable {
    struct Function: Encodable {
        var name: String
        var file: String
        var module: String
        var kind: String
        var selfValue: Int64
        var totalValue: Int64
    }

    var total: Int64
    var functions: [Function]
}
