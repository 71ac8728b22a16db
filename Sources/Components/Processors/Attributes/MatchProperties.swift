import Collector
import OTLP
import ProcessorSupport

/// What `include` and `exclude` look at. All lists that are given must match; of names and libraries one item is enough,
/// of attributes and resources every item must.
struct MatchProperties: Sendable {
    /// One attribute, of an item or of its resource.
    struct Attribute: Sendable {
        var key: String
        /// nil: that the key is there is enough.
        var value: ValueMatcher?
    }

    struct Library: Sendable {
        var name: TextMatcher
        /// nil: any.
        var version: TextMatcher?
    }

    struct Severity: Sendable {
        var minimum: Int
        /// Whether records without a severity match.
        var matchesUndefined: Bool
    }

    var services: [TextMatcher]
    var spanNames: [TextMatcher]
    var spanKinds: [TextMatcher]
    var logBodies: [TextMatcher]
    var logSeverityTexts: [TextMatcher]
    var metricNames: [TextMatcher]
    var logSeverity: Severity?
    var libraries: [Library]
    var attributes: [Attribute]
    var resources: [Attribute]

    init(_ section: ConfigurationSection) {
        if !section.isSet("match_type") { section.error("match_type", "is required (valid values: [strict, regexp])") }
        let type = section.enumeration("match_type", default: MatchType.strict)
        if let cache = section.optionalSection("regexp") {
            // Matching is linear in the text and remembers by itself: these two have no effect.
            _ = cache.boolean("cacheenabled", default: false)
            _ = cache.integer("cachemaxnumentries", default: 0, in: 0...Int.max)
        }
        func texts(_ key: String) -> [TextMatcher] {
            section.strings(key).compactMap { TextMatcher($0, type, section, key) }
        }
        services = texts("services")
        spanNames = texts("span_names")
        spanKinds = texts("span_kinds")
        logBodies = texts("log_bodies")
        logSeverityTexts = texts("log_severity_texts")
        metricNames = texts("metric_names")
        logSeverity = section.optionalSection("log_severity_number").map { severity in
            Severity(
                minimum: severity.integer("min", default: 0, in: 0...24),
                matchesUndefined: severity.boolean("match_undefined", default: false))
        }
        libraries = section.sections("libraries").compactMap { library in
            let version = library.optionalString("version")
            guard let name = TextMatcher(library.requiredString("name"), type, library, "name") else { return nil }
            return Library(name: name, version: version.flatMap { TextMatcher($0, type, library, "version") })
        }
        func attributes(_ key: String) -> [Attribute] {
            section.sections(key).map { attribute in
                Attribute(
                    key: attribute.requiredString("key"),
                    value: attribute.node("value").flatMap { ValueMatcher($0, type, attribute) })
            }
        }
        self.attributes = attributes("attributes")
        resources = attributes("resources")
        if given.isEmpty { section.error(nil, "needs at least one property to match, such as \"attributes\"") }
    }

    /// The properties that have something in them.
    private var given: [String] {
        let lists: [(String, Bool)] = [
            ("services", services.isEmpty), ("span_names", spanNames.isEmpty), ("span_kinds", spanKinds.isEmpty),
            ("log_bodies", logBodies.isEmpty), ("log_severity_texts", logSeverityTexts.isEmpty),
            ("log_severity_number", logSeverity == nil), ("metric_names", metricNames.isEmpty),
            ("libraries", libraries.isEmpty), ("attributes", attributes.isEmpty), ("resources", resources.isEmpty),
        ]
        return lists.compactMap { $1 ? nil : $0 }
    }

    /// What is wrong with the properties for a signal; nil if nothing is.
    func mistake(for signal: Signal) -> String? {
        let valid: [String] =
            switch signal {
            case .traces: ["services", "span_names", "span_kinds", "attributes", "resources", "libraries"]
            case .logs:
                ["log_bodies", "log_severity_texts", "log_severity_number", "attributes", "resources", "libraries"]
            case .metrics: ["metric_names", "resources"]
            case .profiles: []
            }
        let foreign = given.filter { !valid.contains($0) }
        guard !foreign.isEmpty else { return nil }
        return "\(foreign.map { "\"\($0)\"" }.joined(separator: ", ")) cannot be matched in a pipeline of \(signal) "
            + "(valid properties: \(valid.joined(separator: ", ")))"
    }
}
