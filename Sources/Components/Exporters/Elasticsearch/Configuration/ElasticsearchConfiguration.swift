import Collector
import ExporterSupport
import HTTPClientSupport

/// The configuration of `elasticsearch`.
public struct ElasticsearchConfiguration: Sendable {
    public enum Compression: String, Sendable, CaseIterable {
        case gzip
        case none
    }

    /// Whether a query parameter about the documents in error messages is sent, and with which value.
    public enum SourceOnError: Sendable, Equatable {
        case serverDefault
        case included
        case leftOut

        static func of(_ value: Bool?) -> SourceOnError {
            value.map { $0 ? .included : .leftOut } ?? .serverDefault
        }
    }

    /// At least one after a decoding without errors.
    public var endpoints: [HTTPEndpoint] = []
    public var user = ""
    public var password = OpaqueString("")
    /// Encoded as Elasticsearch gives it out.
    public var apiKey = OpaqueString("")
    /// Its `authentication` counts before the keys above.
    public var client = HTTPClientConfiguration()
    /// For one request.
    public var timeout = Duration.seconds(90)
    public var compression = Compression.gzip
    /// 1 to 9.
    public var compressionLevel = 1
    public var queue: QueueConfiguration? = Self.defaultQueue
    /// A request holds at most this many bytes of documents before compression, but for a single larger one.
    public var maximumRequestBytes = 5_000_000
    public var retry = BulkRetryConfiguration()
    public var allowedModes = MappingMode.allCases
    /// A fixed index for each signal; nil: chosen by attributes.
    public var indices: [Signal: String] = [:]
    /// Logs and traces take their document's id from an attribute.
    public var takesDocumentID: Set<Signal> = []
    /// Logs take their ingest pipeline from an attribute.
    public var takesPipeline = false
    /// Empty: none.
    public var pipeline = ""
    public var logstash = LogstashFormat()
    public var discovery = Discovery()
    public var logging = RequestLogging()
    public var sourceOnError = SourceOnError.serverDefault
    /// Empty: what the exporter itself needs.
    public var responseFilter = ""
    public var suppressesConflictErrors = false
    public var profiles = ProfileSettings()
    /// Header fields of clients, in lowercase, that tell batches and the exporter's own metrics apart.
    public var metadataKeys: [String] = []

    /// Ten requests wait at most, and who has more waits too. Behind the queue, small ones are joined for ten seconds:
    /// few large requests cost the server less, and points of metrics that belong together must come together.
    public static let defaultQueue: QueueConfiguration = {
        var queue = QueueConfiguration(size: 10, blocksOnOverflow: true)
        queue.batch = defaultBatch
        queue.metadataKeys = [mappingModeKey]
        return queue
    }()

    static let defaultBatch: SendingBatchConfiguration = {
        var batch = SendingBatchConfiguration()
        batch.sizer = .bytes
        batch.minimumSize = 1_000_000
        batch.flushTimeout = .seconds(10)
        return batch
    }()

    /// The header field by which a client chooses the mapping mode of its telemetry.
    static let mappingModeKey = "x-elastic-mapping-mode"

    public init() {}

    /// The mode of what names none itself.
    public var defaultMode: MappingMode {
        allowedModes.contains(.otel) ? .otel : allowedModes.first ?? .otel
    }
}

/// What becomes of requests and documents that were not accepted.
public struct BulkRetryConfiguration: Sendable, Equatable {
    public var isEnabled = true
    /// Nil: for as long as `BulkRetryPolicy` says.
    public var maximumRetries: Int?
    public var initialInterval = Duration.milliseconds(100)
    public var maximumInterval = Duration.seconds(60)
    /// HTTP status codes of whole requests.
    public var requestStatuses: Set<Int> = [429, 502, 503, 504]
    /// Status codes of single documents.
    public var documentStatuses: Set<Int> = [429, 503]
}

/// Indices with a date in their name, as Logstash makes them.
public struct LogstashFormat: Sendable, Equatable {
    public var isEnabled = false
    public var separator = "-"
    /// In the words of strftime(3).
    public var dateFormat = "%Y.%m.%d"
}

/// Asking the cluster for its nodes.
public struct Discovery: Sendable, Equatable {
    public var onStart = false
    /// Zero: never again.
    public var interval = Duration.zero
}

/// What of requests is written to the log.
public struct RequestLogging: Sendable, Equatable {
    public var requestBody = false
    public var responseBody = false
    public var failedDocuments = false
    public var failedDocumentsInterval = Duration.seconds(1)
}

/// Keys of this exporter that Elastic's does not have.
public struct ProfileSettings: Sendable, Equatable {
    public enum Schema: String, Sendable, CaseIterable {
        /// By the server's version.
        case auto
        /// Universal Profiling's, from Elasticsearch 8.9 on.
        case classic
        /// From Elasticsearch 9.6 on.
        case otel
    }

    public var schema = Schema.auto
    /// Profiles without `host.id` get this machine's identity.
    public var fillsHost = true
    /// Work for Elastic's separate symbolization service.
    public var fillsSymbolizationQueues = false
    /// The indices `profiling-events-5pow01` to `11`, which servers before 9.2 read.
    public var writesDownsampledEvents = false
}
