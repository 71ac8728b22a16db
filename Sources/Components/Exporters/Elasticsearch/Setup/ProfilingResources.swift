/// What a cluster without the profiling plugin needs to store profiles of the classic schema so that they can be read
/// as the plugin's can: a lifecycle policy, index templates, and the indices and data streams themselves. Names and
/// types of fields are those of the plugin; the texts are ours.
public enum ProfilingResources {
    /// One thing to be made.
    public struct Resource: Sendable {
        /// For `PUT`; `GET` of it says whether it is there.
        public var path: String
        /// JSON, one line; empty: none.
        public var body: String
        /// For a person.
        public var summary: String
    }

    private struct Field {
        var name: String
        var type: String
        var format = ""
        /// Neither searched nor aggregated on.
        var isStoredOnly = false
        var isIndexed = true

        static func keywords(_ names: String...) -> [Field] { names.map { Field(name: $0, type: "keyword") } }
    }

    private static let policy = "profiling-60-days"
    private static let seconds = "epoch_second"

    /// In the order in which they must be made.
    public static let all: [Resource] =
        [lifecyclePolicy, events, hosts] + keyed.map(template) + keyed.map(index) + streams

    // MARK: - Lifecycle

    private static var lifecyclePolicy: Resource {
        Resource(
            path: "/_ilm/policy/\(policy)",
            body: """
                {"policy":{"phases":{\
                "hot":{"min_age":"0ms","actions":{"rollover":{"max_primary_shard_size":"50gb","max_age":"30d",\
                "min_docs":1},"set_priority":{"priority":100}}},\
                "warm":{"min_age":"30d","actions":{"set_priority":{"priority":50}}},\
                "delete":{"min_age":"60d","actions":{"delete":{}}}}}}
                """,
            summary: "lifecycle: a new index after 50 GB or 30 days, deletion after 60 days")
    }

    // MARK: - Data streams

    private static var events: Resource {
        let fields =
            [Field(name: "@timestamp", type: "date_nanos", format: "strict_date_optional_time_nanos||epoch_second")]
            + Field.keywords(
                "ecs.version", "profiling.project.id", "host.id", "host.name", "orchestrator.resource.name",
                "container.id", "container.name", "k8s.namespace.name", "service.name", "process.thread.name",
                "process.executable.name", "agent.version", "os.kernel", "tags")
            + [
                // Aggregated on, so that it keeps its column; never searched for.
                Field(name: "Stacktrace.id", type: "keyword", isIndexed: false),
                Field(name: "Stacktrace.count", type: "short", isIndexed: false),
                Field(name: "Stacktrace.sampling_frequency", type: "long", isIndexed: false),
                Field(name: "host.ip", type: "ip"),
            ]
        let sort = [
            "profiling.project.id", "@timestamp", "orchestrator.resource.name", "container.name", "process.thread.name",
            "host.id",
        ]
        return streamTemplate(
            "profiling-events", fields,
            settings: [
                ("number_of_shards", "4"), ("refresh_interval", "\"10s\""), ("max_result_window", "150000"),
                ("codec", "\"best_compression\""), ("auto_expand_replicas", "\"0-1\""),
                ("sort.field", "[" + sort.map { "\"\($0)\"" }.joined(separator: ",") + "]"),
            ], isSynthetic: true)
    }

    private static var hosts: Resource {
        streamTemplate(
            "profiling-hosts",
            [Field(name: "@timestamp", type: "date", format: seconds)]
                + Field.keywords(
                    "ecs.version", "host.id", "host.arch", "host.type", "host.name", "cloud.provider", "cloud.region",
                    "os.type", "os.kernel"),
            settings: [("refresh_interval", "\"10s\""), ("auto_expand_replicas", "\"0-1\"")])
    }

    private static func streamTemplate(
        _ name: String, _ fields: [Field], settings: [(name: String, json: String)], isSynthetic: Bool = false
    ) -> Resource {
        Resource(
            path: "/_index_template/\(name)",
            body: templateBody(
                pattern: "\(name)*", fields, settings: [("lifecycle.name", "\"\(policy)\"")] + settings,
                isStream: true, isSynthetic: isSynthetic),
            summary: "template of the data streams \(name)*")
    }

    private static var streams: [Resource] {
        ["profiling-events-all", "profiling-hosts"].map {
            Resource(path: "/_data_stream/\($0)", body: "", summary: "data stream \($0)")
        }
    }

    // MARK: - Indices with documents of known ids

    private struct Keyed {
        var name: String
        var shards: Int
        /// Readers ask for some documents by objects, which only synthetic source makes of names with dots, and for
        /// frames by the names as they were written.
        var isSynthetic: Bool
        var fields: [Field]
        var sort: String?
    }

    private static var keyed: [Keyed] {
        let version = Field.keywords("ecs.version")
        return [
            Keyed(
                name: "stacktraces", shards: 16, isSynthetic: true,
                fields: version + [
                    Field(name: "Stacktrace.frame.ids", type: "keyword", isIndexed: false),
                    Field(name: "Stacktrace.frame.types", type: "keyword", isIndexed: false),
                ], sort: "Stacktrace.frame.ids"),
            Keyed(
                name: "stackframes", shards: 16, isSynthetic: false,
                fields: version + [
                    Field(name: "Stackframe.file.name", type: "keyword", isStoredOnly: true),
                    Field(name: "Stackframe.function.name", type: "keyword", isStoredOnly: true),
                    Field(name: "Stackframe.line.number", type: "integer", isStoredOnly: true),
                    Field(name: "Stackframe.function.offset", type: "integer", isStoredOnly: true),
                ]),
            Keyed(
                name: "executables", shards: 1, isSynthetic: true,
                fields: version + Field.keywords("Executable.build.id", "Executable.file.name") + [
                    Field(name: "@timestamp", type: "date", format: seconds),
                    Field(name: "Symbolization.next_time", type: "date", format: seconds),
                ]),
        ]
    }

    private static func template(_ keyed: Keyed) -> Resource {
        var settings = [
            ("number_of_shards", "\(keyed.shards)"), ("refresh_interval", "\"10s\""), ("codec", "\"best_compression\""),
            ("lifecycle.name", "\"\(policy)\""), ("lifecycle.rollover_alias", "\"profiling-\(keyed.name)\""),
            ("auto_expand_replicas", "\"0-1\""),
        ]
        if let sort = keyed.sort { settings.append(("sort.field", "[\"\(sort)\"]")) }
        return Resource(
            path: "/_index_template/profiling-\(keyed.name)",
            body: templateBody(
                pattern: ".profiling-\(keyed.name)*", keyed.fields, settings: settings, isStream: false,
                isSynthetic: keyed.isSynthetic),
            summary: "template of the indices .profiling-\(keyed.name)*")
    }

    private static func index(_ keyed: Keyed) -> Resource {
        Resource(
            path: "/.profiling-\(keyed.name)-v001-000001",
            body: "{\"aliases\":{\"profiling-\(keyed.name)\":{\"is_write_index\":true}}}",
            summary: "index behind profiling-\(keyed.name)")
    }

    // MARK: - JSON

    private static func templateBody(
        pattern: String, _ fields: [Field], settings: [(name: String, json: String)], isStream: Bool, isSynthetic: Bool
    ) -> String {
        var json = JSONWriter()
        json.beginObject()
        json.member("index_patterns", [pattern])
        if isStream {
            json.key("data_stream")
            json.beginObject()
            json.endObject()
        }
        json.member("priority", 100)
        json.key("template")
        json.beginObject()
        json.key("settings")
        json.beginObject()
        for (name, value) in settings {
            json.key("index.\(name)")
            json.raw(value.utf8)
        }
        json.endObject()
        json.key("mappings")
        json.beginObject()
        json.member("dynamic", false)
        if isSynthetic {
            // In the mappings, because the index setting of that meaning is not known before 8.17.
            json.key("_source")
            json.beginObject()
            json.member("mode", "synthetic")
            json.endObject()
        }
        json.key("properties")
        json.beginObject()
        for field in fields {
            json.key(field.name)
            json.beginObject()
            json.member("type", field.type)
            if !field.format.isEmpty { json.member("format", field.format) }
            if !field.isIndexed || field.isStoredOnly { json.member("index", false) }
            if field.isStoredOnly { json.member("doc_values", false) }
            json.endObject()
        }
        json.endObject()
        json.endObject()
        json.endObject()
        json.key("_meta")
        json.beginObject()
        json.member("description", "profiles, set up by otelcol")
        json.endObject()
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
