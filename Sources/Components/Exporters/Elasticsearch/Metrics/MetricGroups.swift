import Collector
import OTLP

/// Gathers points into documents: those that agree in target, resource, scope, times, unit and attributes share one.
///
/// A time series data stream takes one document for each set of dimensions and millisecond, so points that a document
/// could hold together must not come in two. Grouping works inside of one batch.
struct MetricGroups {
    struct Group {
        /// `otel` or `ecs`.
        var mode: MappingMode
        var target: DocumentTarget
        var resource: OTLPResource
        var resourceSchemaURL: String
        var scope: OTLPScope
        var scopeSchemaURL: String
        var timeUnixNano: UInt64
        var startTimeUnixNano: UInt64
        var unit: String
        var attributes: [OTLPKeyValue]
        var metrics: [(name: String, value: MetricValue, template: String)] = []
        /// Of all metrics, also those that could not be stored.
        var names: Set<String> = []
        var documentCount: UInt64 = 0
    }

    private struct Key: Hashable {
        var mode: MappingMode
        var target: DocumentTarget
        var resource: Int
        var scope: Int
        var timeUnixNano: UInt64
        var startTimeUnixNano: UInt64
        var unit: String
        var attributes: [UInt8]
    }

    private(set) var groups: [Group] = []
    /// Points that could not be stored, by reason.
    private(set) var invalid: [MetricPointError: Int] = [:]
    private var numbers: [Key: Int] = [:]
    private var resources: [[UInt8]: Int] = [:]
    private var scopes: [[UInt8]: Int] = [:]
    /// The resource that was asked for last, in one form: its scopes follow each other.
    private var lastResource: (attributes: [OTLPKeyValue], number: Int)?
    private let router: DataStreamRouter
    private let now: UInt64

    /// - Parameter now: Nanoseconds since 1970; the time of points that have none.
    init(router: DataStreamRouter, now: UInt64) {
        self.router = router
        self.now = now
    }

    /// - Parameter mode: `otel` or `ecs`. The latter's documents have no scope, unit and start, so points that differ
    ///   only in these share a document.
    mutating func add(
        _ resource: OTLPResourceMetrics, _ scope: Opentelemetry_Proto_Metrics_V1_ScopeMetrics, mode: MappingMode = .otel
    ) {
        let resourceNumber = number(of: resource.resource.attributes)
        let scopeKey = Array(scope.scope.name.utf8) + [0] + Self.canonical(scope.scope.attributes)
        let scopeNumber = mode == .ecs ? 0 : Self.number(scopeKey, &scopes)
        for metric in scope.metrics {
            for point in MetricPoint.points(of: metric) {
                add(point, resource, resourceNumber, scope, scopeNumber, mode)
            }
        }
    }

    private mutating func add(
        _ point: MetricPoint, _ resource: OTLPResourceMetrics, _ resourceNumber: Int,
        _ scope: Opentelemetry_Proto_Metrics_V1_ScopeMetrics, _ scopeNumber: Int, _ mode: MappingMode
    ) {
        let time = point.timeUnixNano > 0 ? point.timeUnixNano : now
        let target = router.target(
            .metrics, attributes: [point.attributes, scope.scope.attributes, resource.resource.attributes],
            scope: scope.scope, mode: mode, time: Int64(clamping: time / 1_000_000_000))
        let key = Key(
            mode: mode, target: target, resource: resourceNumber, scope: scopeNumber, timeUnixNano: time,
            startTimeUnixNano: mode == .ecs ? 0 : point.startTimeUnixNano, unit: mode == .ecs ? "" : point.unit,
            attributes: Self.canonical(point.attributes))
        let number: Int
        if let known = numbers[key] {
            number = known
        } else {
            number = groups.count
            numbers[key] = number
            groups.append(
                Group(
                    mode: mode, target: target, resource: resource.resource, resourceSchemaURL: resource.schemaURL,
                    scope: scope.scope, scopeSchemaURL: scope.schemaURL, timeUnixNano: time,
                    startTimeUnixNano: point.startTimeUnixNano, unit: point.unit, attributes: point.attributes))
        }
        guard groups[number].names.insert(point.name).inserted else {
            invalid[.duplicate, default: 0] += 1
            return
        }
        switch point.value {
        case .success(let value):
            groups[number].metrics.append((point.name, value, point.template))
            if let count = point.documentCount { groups[number].documentCount = count }
        case .failure(let error): invalid[error, default: 0] += 1
        }
    }

    private mutating func number(of resource: [OTLPKeyValue]) -> Int {
        // Arrays that share their storage are found equal at once.
        if let lastResource, lastResource.attributes == resource { return lastResource.number }
        let number = Self.number(Self.canonical(resource), &resources)
        lastResource = (resource, number)
        return number
    }

    private static func number(_ key: [UInt8], _ numbers: inout [[UInt8]: Int]) -> Int {
        if let known = numbers[key] { return known }
        numbers[key] = numbers.count
        return numbers.count - 1
    }

    /// Attributes in one form, in whatever order they came; without those that only say where a document goes.
    private static func canonical(_ attributes: [OTLPKeyValue]) -> [UInt8] {
        let kept = attributes.filter {
            !$0.key.hasPrefix("data_stream.") && $0.key != "elasticsearch.mapping.hints"
        }
        var json = JSONWriter()
        AttributeJSON.writeMap(kept.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }, to: &json)
        return json.bytes
    }
}
