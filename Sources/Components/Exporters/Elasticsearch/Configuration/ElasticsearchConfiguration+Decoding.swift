import Collector
import ExporterSupport
import HTTPClientSupport

extension ElasticsearchConfiguration {
    /// - Parameter environment: Gives `ELASTICSEARCH_URL`, which counts where the configuration names no endpoint.
    public init(
        _ section: ConfigurationSection, environment: (String) -> String? = EnvironmentVariable.value
    ) {
        endpoints = Self.endpoints(section, environment)
        user = section.string("user")
        password = section.opaqueString("password") ?? OpaqueString("")
        apiKey = section.opaqueString("api_key") ?? OpaqueString("")
        client = HTTPClientConfiguration(section)
        readConnection(section)
        readMetadataKeys(section)
        readQueue(section)
        readRetry(section.section("retry"))
        readMapping(section.section("mapping"))
        readIndices(section)
        let discover = section.section("discover")
        discovery.onStart = discover.boolean("on_start", default: false)
        discovery.interval = discover.duration("interval", default: .zero, in: .zero ... .longest)
        readLogging(section.section("telemetry"))
        sourceOnError = .of(section.optionalBoolean("include_source_on_error"))
        responseFilter = section.string("bulk_response_filter_path")
        suppressesConflictErrors = section.boolean("suppress_conflict_errors", default: false)
        readProfiles(section.section("profiles"))
    }

    // MARK: - Endpoints

    private static func endpoints(
        _ section: ConfigurationSection, _ environment: (String) -> String?
    ) -> [HTTPEndpoint] {
        let single = section.string("endpoint")
        let several = section.strings("endpoints")
        let cloudID = section.string("cloudid")
        let sources = [!single.isEmpty, !several.isEmpty, !cloudID.isEmpty].count { $0 }
        guard sources <= 1 else {
            section.error(nil, "exactly one of [endpoint, endpoints, cloudid] must be specified")
            return []
        }
        func parse(_ texts: [String], _ key: String?) -> [HTTPEndpoint] {
            texts.compactMap { text in
                do {
                    return try HTTPEndpoint(parsing: text)
                } catch {
                    section.error(key, "invalid endpoint: \(error)")
                    return nil
                }
            }
        }
        if !single.isEmpty { return parse([single], "endpoint") }
        if !several.isEmpty { return parse(several, "endpoints") }
        if !cloudID.isEmpty {
            do {
                return [try HTTPEndpoint(cloudID: cloudID)]
            } catch {
                section.error("cloudid", "\(error)")
                return []
            }
        }
        guard let fromEnvironment = environment("ELASTICSEARCH_URL"), !fromEnvironment.isEmpty else {
            section.error(
                nil,
                """
                exactly one of [endpoint, endpoints, cloudid] must be specified, or the variable ELASTICSEARCH_URL set
                """)
            return []
        }
        let parts = fromEnvironment.split(separator: ",", omittingEmptySubsequences: false)
        return parse(parts.map { $0.trimmed() }, nil)
    }

    // MARK: - HTTP

    private mutating func readConnection(_ section: ConfigurationSection) {
        timeout = section.duration("timeout", default: timeout, in: .zero ... .longest)
        if let text = section.optionalString("compression") {
            if text.isEmpty {
                compression = .none
            } else if let known = Compression(rawValue: text) {
                compression = known
            } else {
                section.error("compression", "must be one of [none, gzip]")
            }
        }
        compressionLevel = section.section("compression_params").integer("level", default: 1, in: 0...9)
        if compressionLevel == 0 { compression = .none }
    }

    // MARK: - Queue and retries

    private mutating func readQueue(_ section: ConfigurationSection) {
        let written = section.optionalSection("sending_queue", .onByDefault)
        queue = written.map { QueueConfiguration($0, defaults: Self.defaultQueue, readsBatch: true) }
        let batch = written.flatMap { $0.optionalSection("batch", .onByDefault) }
        var joining: SendingBatchConfiguration?
        if let batch { joining = readBatch(batch, queueSizer: written?.optionalString("sizer")) }
        queue?.batch = joining
        queue?.metadataKeys = metadataKeys + [Self.mappingModeKey]
        readOldQueueKeys(section, hasConsumers: written?.isSet("num_consumers") ?? false, batch)
    }

    /// Requests of the sizer `bytes` are divided where their documents are, and not before: metrics that share a
    /// document must not be torn apart.
    private mutating func readBatch(
        _ section: ConfigurationSection, queueSizer: String?
    ) -> SendingBatchConfiguration {
        var batch = Self.defaultBatch
        // The queue's own sizer, where it is written, counts for batches too.
        if let same = queueSizer.flatMap(SendingBatchConfiguration.Sizer.init) { batch.sizer = same }
        batch.sizer = section.enumeration("sizer", default: batch.sizer)
        let maximumSize = section.optionalInteger("max_size", in: 0...Int.max) ?? 0
        batch.minimumSize = section.integer("min_size", default: batch.minimumSize, in: 0...Int.max)
        batch.flushTimeout = section.duration(
            "flush_timeout", default: batch.flushTimeout, in: .nanoseconds(1) ... .longest)
        if maximumSize > 0, batch.minimumSize > maximumSize {
            if section.isSet("min_size") { section.error("min_size", "must not be greater than max_size") }
            batch.minimumSize = maximumSize
        }
        let partition = section.section("partition")
        batch.partitionKeys = partition.strings("metadata_keys").map { $0.lowercased() }
        if Set(batch.partitionKeys).count != batch.partitionKeys.count {
            partition.error("metadata_keys", "names a key twice")
        }
        switch batch.sizer {
        case .items: batch.maximumSize = maximumSize
        case .bytes: if maximumSize > 0 { maximumRequestBytes = maximumSize }
        }
        return batch
    }

    /// Keys of versions before 0.145; they count where today's are not written.
    private mutating func readOldQueueKeys(
        _ section: ConfigurationSection, hasConsumers: Bool, _ batch: ConfigurationSection?
    ) {
        if let workers = section.optionalInteger("num_workers", in: 0...10_000) {
            section.warning("num_workers", "is deprecated; use sending_queue::num_consumers instead")
            if !hasConsumers, workers > 0 { queue?.consumers = workers }
        }
        guard section.isSet("flush") else { return }
        let flush = section.section("flush")
        section.warning("flush", "is deprecated; use sending_queue::batch instead")
        if let bytes = flush.optionalInteger("bytes", in: 0...Int.max), bytes > 0,
            !(batch?.isSet("max_size") ?? false)
        {
            maximumRequestBytes = bytes
            if let size = queue?.batch?.minimumSize { queue?.batch?.minimumSize = min(size, bytes) }
        }
        if let interval = flush.optionalDuration("interval", in: .nanoseconds(1) ... .longest),
            !(batch?.isSet("flush_timeout") ?? false)
        {
            queue?.batch?.flushTimeout = interval
        }
    }

    private mutating func readRetry(_ section: ConfigurationSection) {
        retry.isEnabled = section.boolean("enabled", default: true)
        retry.maximumRetries = section.optionalInteger("max_retries", in: 0...1_000_000)
        if let requests = section.optionalInteger("max_requests", in: 0...1_000_000) {
            section.warning("max_requests", "is deprecated; use max_retries, which is one less")
            if requests > 0, let retries = retry.maximumRetries, retries > 0 {
                section.error("max_requests", "must not be set together with max_retries")
            }
            if requests > 0 { retry.maximumRetries = requests - 1 }
        }
        let intervals = Duration.zero ... .longest
        retry.initialInterval = section.duration("initial_interval", default: retry.initialInterval, in: intervals)
        retry.maximumInterval = section.duration("max_interval", default: retry.maximumInterval, in: intervals)
        let requests = section.statusCodes("retry_on_status")
        if let requests {
            retry.requestStatuses = requests
            retry.documentStatuses = requests
        }
        if let documents = section.statusCodes("retry_on_document_status") { retry.documentStatuses = documents }
    }

    // MARK: - Documents

    private mutating func readMapping(_ section: ConfigurationSection) {
        if let mode = section.optionalString("mode") {
            if MappingMode(parsing: mode) != .otel {
                section.warning(
                    "mode", "is deprecated and has no effect; use the scope attribute elastic.mapping.mode instead")
            }
        }
        guard section.isSet("allowed_modes") else { return }
        var modes: [MappingMode] = []
        for name in section.strings("allowed_modes") {
            guard let mode = MappingMode(parsing: name) else {
                section.error(
                    "allowed_modes",
                    "unknown mapping mode \"\(name)\" (valid values: [bodymap, ecs, none, otel, raw])")
                continue
            }
            if !modes.contains(mode) { modes.append(mode) }
        }
        if !modes.isEmpty { allowedModes = modes }
    }

    private mutating func readIndices(_ section: ConfigurationSection) {
        for signal in [Signal.logs, .metrics, .traces] {
            let index = section.string("\(signal.rawValue)_index")
            if !index.isEmpty { indices[signal] = index }
            let isDynamic = section.section("\(signal.rawValue)_dynamic_index").boolean("enabled", default: false)
            if isDynamic, !index.isEmpty {
                section.error(
                    "\(signal.rawValue)_index",
                    "must not be set together with \(signal.rawValue)_dynamic_index::enabled")
            }
        }
        for signal in [Signal.logs, .traces]
        where section.section("\(signal.rawValue)_dynamic_id").boolean("enabled", default: false) {
            takesDocumentID.insert(signal)
        }
        takesPipeline = section.section("logs_dynamic_pipeline").boolean("enabled", default: false)
        pipeline = section.string("pipeline")
        let format = section.section("logstash_format")
        logstash.isEnabled = format.boolean("enabled", default: false)
        logstash.separator = format.string("prefix_separator", default: logstash.separator)
        logstash.dateFormat = format.string("date_format", default: logstash.dateFormat)
    }

    private mutating func readLogging(_ section: ConfigurationSection) {
        logging.requestBody = section.boolean("log_request_body", default: false)
        logging.responseBody = section.boolean("log_response_body", default: false)
        logging.failedDocuments = section.boolean("log_failed_docs_input", default: false)
        logging.failedDocumentsInterval = section.duration(
            "log_failed_docs_input_rate_limit", default: .seconds(1), in: .zero ... .longest)
    }

    private mutating func readMetadataKeys(_ section: ConfigurationSection) {
        let keys = section.strings("metadata_keys").map { $0.lowercased() }
        var seen: Set<String> = []
        for key in keys where !seen.insert(key).inserted {
            section.error("metadata_keys", "duplicate entry \"\(key)\" (keys are compared without regard to case)")
        }
        metadataKeys = keys
    }

    private mutating func readProfiles(_ section: ConfigurationSection) {
        profiles.schema = section.enumeration("schema", default: .auto)
        profiles.fillsHost = section.boolean("fill_host", default: true)
        profiles.fillsSymbolizationQueues = section.boolean("symbolization_queues", default: false)
        profiles.writesDownsampledEvents = section.boolean("downsampled_events", default: false)
    }
}

extension ConfigurationSection {
    /// A list of HTTP status codes; nil if it is not written.
    fileprivate func statusCodes(_ key: String) -> Set<Int>? {
        guard let node = node(key), !node.isNull else { return nil }
        guard case .list(let items) = node.value else {
            error(key, "expected type list of status codes")
            return nil
        }
        var codes: Set<Int> = []
        for item in items {
            guard case .integer(let wide) = item.value, let code = Int(exactly: wide), (100...599).contains(code) else {
                error(key, "expected status codes between 100 and 599")
                continue
            }
            codes.insert(code)
        }
        return codes
    }
}
