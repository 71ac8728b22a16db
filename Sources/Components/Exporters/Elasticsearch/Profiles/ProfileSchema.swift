/// Where and how profiles are stored.
enum ProfileSchema: Sendable, Equatable {
    /// Universal Profiling's own, from Elasticsearch 8.9 on.
    case classic
    /// Data streams of OpenTelemetry, from Elasticsearch 9.6 on.
    case otel

    /// How long the server surely keeps a document where readers look for it.
    var seenLifetime: Duration {
        switch self {
        case .classic: .seconds(3 * 3600)
        case .otel: .seconds(24 * 3600)
        }
    }

    var events: String { target("profiling-events-all") }
    var traces: String { target("profiling-stacktraces") }
    var frames: String { target("profiling-stackframes") }
    var executables: String { target("profiling-executables") }
    var hosts: String { target("profiling-hosts") }

    private func target(_ name: String) -> String { self == .classic ? name : "\(name).otel-default" }

    static let frameQueue = "profiling-sq-leafframes"
    static let executableQueue = "profiling-sq-executables"

    /// A fifth of the events of the level below; level 1 is a fifth of all.
    static func downsampledEvents(level: Int) -> String {
        "profiling-events-5pow" + (level < 10 ? "0" : "") + "\(level)"
    }
    static let downsampledLevels = 11

    /// The version of the Elastic Common Schema that documents of the classic schema state.
    static let ecsVersion = "1.12.0"

    /// On creation everything is set; afterwards only the week, and nothing at all if it is the same: a stored document
    /// is not touched more than once a week, by however many hosts have the file. The text is constant, so that the
    /// server compiles it once.
    static let executableScript = """
        if (ctx.op == 'create') { \
        ctx._source['@timestamp'] = params.timestamp; \
        ctx._source['Executable.build.id'] = params.buildid; \
        ctx._source['Executable.file.name'] = params.filename; \
        ctx._source['ecs.version'] = params.ecsversion \
        } else if (ctx._source['@timestamp'] == params.timestamp) { \
        ctx.op = 'none' \
        } else { \
        ctx._source['@timestamp'] = params.timestamp \
        }
        """
}
