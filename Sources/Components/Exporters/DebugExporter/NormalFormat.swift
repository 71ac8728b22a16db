import Collector
import OTLP

/// One line for each resource, scope and record.
enum NormalFormat {
    static func text(of telemetry: Telemetry) -> String {
        switch telemetry {
        case .traces(let data): lines(data).joined(separator: "\n")
        case .metrics(let data): lines(data).joined(separator: "\n")
        case .logs(let data): lines(data).joined(separator: "\n")
        case .profiles(let data): lines(data).joined(separator: "\n")
        }
    }

    private static func join(_ parts: String...) -> String {
        parts.filter { !$0.isEmpty }.joined(separator: " ")
    }

    private static func resourceLine(
        _ title: String, _ index: Int, _ schema: String, _ resource: OTLPResource
    ) -> String {
        join("\(title) #\(index)", schema.isEmpty ? "" : "[\(schema)]", resource.attributes.joinedText())
    }

    private static func scopeLine(_ title: String, _ index: Int, _ schema: String, _ scope: OTLPScope) -> String {
        let name = scope.version.isEmpty ? scope.name : "\(scope.name)@\(scope.version)"
        return join("\(title) #\(index)", name, schema.isEmpty ? "" : "[\(schema)]", scope.attributes.joinedText())
    }

    private static func lines(_ data: OTLPProfilesData) -> [String] {
        var lines: [String] = []
        for (index, resource) in data.resourceProfiles.enumerated() {
            lines.append(resourceLine("ResourceProfiles", index, resource.schemaURL, resource.resource))
            for (index, scope) in resource.scopeProfiles.enumerated() {
                lines.append(scopeLine("ScopeProfiles", index, scope.schemaURL, scope.scope))
                for profile in scope.profiles {
                    let attributes = profile.attributeIndices.compactMap { index in
                        data.dictionary.attribute(at: index).map {
                            "\(data.dictionary.string(at: $0.keyStrindex) ?? "")=\($0.value.plainText)"
                        }
                    }
                    lines.append(
                        join(
                            profile.profileID.hexadecimalText, "samples=\(profile.samples.count)",
                            attributes.joined(separator: " ")))
                }
            }
        }
        return lines
    }

    private static func lines(_ data: OTLPTracesData) -> [String] {
        var lines: [String] = []
        for (index, resource) in data.resourceSpans.enumerated() {
            lines.append(resourceLine("ResourceTraces", index, resource.schemaURL, resource.resource))
            for (index, scope) in resource.scopeSpans.enumerated() {
                lines.append(scopeLine("ScopeTraces", index, scope.schemaURL, scope.scope))
                for span in scope.spans {
                    lines.append(
                        join(
                            span.name, span.traceID.hexadecimalText, span.spanID.hexadecimalText,
                            span.attributes.joinedText()))
                }
            }
        }
        return lines
    }

    private static func lines(_ data: OTLPLogsData) -> [String] {
        var lines: [String] = []
        for (index, resource) in data.resourceLogs.enumerated() {
            lines.append(resourceLine("ResourceLog", index, resource.schemaURL, resource.resource))
            for (index, scope) in resource.scopeLogs.enumerated() {
                lines.append(scopeLine("ScopeLog", index, scope.schemaURL, scope.scope))
                for record in scope.logRecords {
                    lines.append(join(record.body.plainText, record.attributes.joinedText()))
                }
            }
        }
        return lines
    }

    private static func lines(_ data: OTLPMetricsData) -> [String] {
        var lines: [String] = []
        for (index, resource) in data.resourceMetrics.enumerated() {
            lines.append(resourceLine("ResourceMetrics", index, resource.schemaURL, resource.resource))
            for (index, scope) in resource.scopeMetrics.enumerated() {
                lines.append(scopeLine("ScopeMetrics", index, scope.schemaURL, scope.scope))
                for metric in scope.metrics { lines += pointLines(metric) }
            }
        }
        return lines
    }

    private static func pointLines(_ metric: Opentelemetry_Proto_Metrics_V1_Metric) -> [String] {
        func line(_ attributes: [OTLPKeyValue], _ rest: [String]) -> String {
            "\(metric.name){\(attributes.joinedText(","))} \(rest.joined(separator: " "))"
        }
        switch metric.data {
        case .gauge(let gauge): return gauge.dataPoints.map { line($0.attributes, [$0.valueText]) }
        case .sum(let sum): return sum.dataPoints.map { line($0.attributes, [$0.valueText]) }
        case .histogram(let histogram):
            return histogram.dataPoints.map { point in
                var parts = ["count=\(point.count)"]
                if point.hasSum { parts.append("sum=\(point.sum)") }
                if point.hasMin { parts.append("min=\(point.min)") }
                if point.hasMax { parts.append("max=\(point.max)") }
                for (index, count) in point.bucketCounts.enumerated() {
                    let bound = point.explicitBounds.indices.contains(index) ? point.explicitBounds[index] : nil
                    parts.append(bound.map { "le\($0)=\(count)" } ?? "\(count)")
                }
                return line(point.attributes, parts)
            }
        case .exponentialHistogram(let histogram):
            return histogram.dataPoints.map { point in
                var parts = ["count=\(point.count)"]
                if point.hasSum { parts.append("sum=\(point.sum)") }
                if point.hasMin { parts.append("min=\(point.min)") }
                if point.hasMax { parts.append("max=\(point.max)") }
                return line(point.attributes, parts)
            }
        case .summary(let summary):
            return summary.dataPoints.map { point in
                line(
                    point.attributes,
                    ["count=\(point.count)", "sum=\(point.sum)"]
                        + point.quantileValues.map { "q\($0.quantile)=\($0.value)" })
            }
        case nil: return []
        }
    }
}

extension Opentelemetry_Proto_Metrics_V1_NumberDataPoint {
    var valueText: String {
        switch value {
        case .asInt(let number): "\(number)"
        case .asDouble(let number): "\(number)"
        case nil: ""
        }
    }
}
