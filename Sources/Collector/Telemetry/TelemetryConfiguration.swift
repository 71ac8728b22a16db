/// The section `service::telemetry`: what the Collector says about itself.
public struct TelemetryConfiguration: Sendable {
    public struct Logs: Sendable {
        public enum Level: String, Sendable, CaseIterable {
            case debug, info, warn, error, dpanic, panic, fatal
        }
        public enum Encoding: String, Sendable, CaseIterable {
            case console, json
        }
        /// Of equal records within `tick`, the first `initial` and then every `thereafter`th are written.
        public struct Sampling: Sendable {
            public var tick = Duration.seconds(10)
            public var initial = 10
            /// 0 writes none after the initial ones.
            public var thereafter = 100
        }

        public var level = Level.info
        public var encoding = Encoding.console
        public var disablesCaller = false
        public var outputPaths = ["stderr"]
        public var errorOutputPaths = ["stderr"]
        /// Added to every record.
        public var initialFields: [String: String] = [:]
        /// Nil writes everything.
        public var sampling: Sampling? = Sampling()
        public var disablesResource = false
        public var processors: [LogProcessor] = []

        public init() {}
    }

    public enum MetricsLevel: String, Sendable, CaseIterable, Comparable {
        case none, basic, normal, detailed

        public static func < (left: Self, right: Self) -> Bool {
            (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
        }
    }

    /// An endpoint for Prometheus to scrape.
    public struct PrometheusReader: Sendable, Hashable {
        public var host = "localhost"
        public var port = 8888
        public var omitsTypeSuffix = true

        public init(host: String = "localhost", port: Int = 8888, omitsTypeSuffix: Bool = true) {
            self.host = host
            self.port = port
            self.omitsTypeSuffix = omitsTypeSuffix
        }
    }

    /// Sends, or prints, metrics now and then.
    public struct PeriodicReader: Sendable, Equatable {
        public var interval = Duration.seconds(60)
        public var timeout = Duration.seconds(30)
        /// Nil for the console, which is standard output.
        public var destination: TelemetryDestination?
    }

    /// Sends log records.
    public struct LogProcessor: Sendable, Equatable {
        public var delay = Duration.seconds(1)
        public var maximumBatch = 512
        public var destination: TelemetryDestination
    }

    public struct Metrics: Sendable {
        public var level = MetricsLevel.normal
        public var readers = [PrometheusReader()]
        public var periodicReaders: [PeriodicReader] = []

        public init() {}
    }

    public var logs = Logs()
    public var metrics = Metrics()
    /// Attributes of the Collector itself; a null takes a default attribute away.
    public var resource: [String: String?] = [:]

    public init() {}

    init(_ section: ConfigurationSection) {
        logs = Logs(section.section("logs"))
        metrics = Metrics(section.section("metrics"))
        resource = Self.resource(section.section("resource"))
        Self.checkTraces(section.section("traces"))
    }

    // MARK: - Resource

    /// `attributes: [{name, value}]`, or the older map of keys and values.
    private static func resource(_ section: ConfigurationSection) -> [String: String?] {
        var result: [String: String?] = [:]
        if section.isSet("attributes") {
            for item in section.sections("attributes") {
                result[item.requiredString("name")] = .some(item.optionalString("value"))
                _ = item.optionalString("type")
            }
            _ = section.optionalString("schema_url")
            return result
        }
        section.acceptAnyKeys()
        if !section.keys.isEmpty {
            section.warning(nil, "attributes as a map are deprecated; use \"attributes: [{name, value}]\" instead")
        }
        for key in section.keys { result[key] = .some(section.optionalString(key)) }
        return result
    }

    // MARK: - Traces

    /// The Collector makes no traces of its own; keys that ask for them are refused rather than ignored.
    private static func checkTraces(_ section: ConfigurationSection) {
        let level = section.optionalString("level") ?? "none"
        _ = section.strings("propagators")
        if section.isSet("processors"), level.lowercased() != "none" {
            section.error("processors", "traces of the Collector itself are not supported; remove this key")
        }
    }
}

extension TelemetryConfiguration.Logs {
    init(_ section: ConfigurationSection) {
        self.init()
        level = section.enumeration("level", default: level, ignoringCase: true)
        encoding = section.enumeration("encoding", default: encoding)
        // Only changes what a Go program's logger does on a programming error.
        _ = section.boolean("development", default: false)
        disablesCaller = section.boolean("disable_caller", default: disablesCaller)
        _ = section.boolean("disable_stacktrace", default: false)
        outputPaths = section.strings("output_paths", default: outputPaths)
        errorOutputPaths = section.strings("error_output_paths", default: errorOutputPaths)
        let fields = section.section("initial_fields")
        fields.acceptAnyKeys()
        for key in fields.keys { initialFields[key] = fields.map[key].map(Self.fieldText) }
        if section.contains("sampling"), !section.isSet("sampling") {
            sampling = nil
        } else if let child = section.optionalSection("sampling", .onByDefault) {
            var values = Sampling()
            values.tick = child.duration("tick", default: values.tick, in: .nanoseconds(1)...(.longest))
            values.initial = child.integer("initial", default: values.initial, in: 0...Int.max)
            values.thereafter = child.integer("thereafter", default: values.thereafter, in: 0...Int.max)
            sampling = values
        } else {
            sampling = nil
        }
        disablesResource = section.boolean("disable_zap_resource", default: false)
        processors = section.sections("processors").compactMap(Self.processor)
    }

    private static func processor(_ section: ConfigurationSection) -> TelemetryConfiguration.LogProcessor? {
        guard let key = ["batch", "simple"].first(where: { section.isSet($0) }) else {
            section.error(nil, "must have the key \"batch\" or \"simple\"")
            return nil
        }
        let kind = section.section(key)
        let delay = key == "batch" ? kind.integer("schedule_delay", default: 1000, in: 1...3_600_000) : 100
        let batch = kind.integer("max_export_batch_size", default: 512, in: 1...LogPush.maximumWaiting)
        for unused in ["export_timeout", "max_queue_size"] { _ = kind.optionalInteger(unused) }
        let (isConsole, destination) = TelemetryDestination.read(kind.section("exporter"))
        if isConsole { kind.error("exporter", "log records go to the console already; use otlp") }
        return destination.map { .init(delay: .milliseconds(delay), maximumBatch: batch, destination: $0) }
    }

    private static func fieldText(_ node: ConfigurationNode) -> String {
        if let text = node.originalText { return text }
        return switch node.value {
        case .null: ""
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .floatingPoint(let value): "\(value)"
        case .string(let value): value
        case .list(let items): "[" + items.map(fieldText).joined(separator: ",") + "]"
        case .map(let map): "{" + map.entries.map { "\($0.key):\(fieldText($0.node))" }.joined(separator: ",") + "}"
        }
    }
}

extension TelemetryConfiguration.Metrics {
    init(_ section: ConfigurationSection) {
        self.init()
        if let text = section.optionalString("level") {
            if let known = TelemetryConfiguration.MetricsLevel(rawValue: text.lowercased()) {
                level = known
            } else {
                section.error("level", "unknown metrics level \"\(text)\" (valid values: [none basic normal detailed])")
            }
        }
        if section.isSet("readers") {
            let all = section.sections("readers")
            readers = all.compactMap(Self.reader)
            periodicReaders = all.compactMap(Self.periodicReader)
            if all.isEmpty, level != .none {
                section.error("readers", "collector telemetry metrics reader should exist when metric level is not none")
            }
        }
        if section.isSet("address") { readers = Self.legacyAddress(section) ?? readers }
        if section.isSet("views") {
            section.error("views", "views of the Collector's own metrics are not supported; remove this key")
        }
        _ = section.contains("views")
    }

    private static func reader(_ section: ConfigurationSection) -> TelemetryConfiguration.PrometheusReader? {
        guard section.isSet("pull") else {
            if !section.isSet("periodic") { section.error(nil, "must have the key \"pull\" or \"periodic\"") }
            return nil
        }
        let prometheus = section.section("pull").section("exporter").section("prometheus")
        var reader = TelemetryConfiguration.PrometheusReader()
        reader.host = prometheus.string("host", default: reader.host)
        reader.port = prometheus.integer("port", default: reader.port, in: 0...65535)
        reader.omitsTypeSuffix = prometheus.boolean("without_type_suffix", default: true)
        _ = prometheus.boolean("without_scope_info", default: true)
        _ = prometheus.boolean("without_units", default: true)
        _ = prometheus.contains("with_resource_constant_labels")
        return reader
    }

    private static func periodicReader(
        _ section: ConfigurationSection
    ) -> TelemetryConfiguration.PeriodicReader? {
        guard section.isSet("periodic") else { return nil }
        let periodic = section.section("periodic")
        var reader = TelemetryConfiguration.PeriodicReader()
        reader.interval = .milliseconds(periodic.integer("interval", default: 60_000, in: 1...86_400_000))
        reader.timeout = .milliseconds(periodic.integer("timeout", default: 30_000, in: 1...86_400_000))
        let (isConsole, destination) = TelemetryDestination.read(periodic.section("exporter"))
        guard isConsole || destination != nil else { return nil }
        reader.destination = destination
        return reader
    }

    /// `address: host:port`, as it was before readers.
    private static func legacyAddress(_ section: ConfigurationSection) -> [TelemetryConfiguration.PrometheusReader]? {
        let text = section.string("address")
        if section.isSet("readers") {
            section.error("address", "is the older form of \"readers\", and both are set; remove it")
            return nil
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            section.error("address", "expected host:port, got \"\(text)\"")
            return nil
        }
        let host = text[..<colon].drop { $0 == "[" }.prefix { $0 != "]" }
        section.warning("address", "is deprecated; use \"readers\" with a pull prometheus exporter instead")
        return [.init(host: host.isEmpty ? "0.0.0.0" : String(host), port: Int(port))]
    }
}
