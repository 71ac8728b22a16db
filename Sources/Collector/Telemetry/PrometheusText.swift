extension MetricsRegistry {
    /// All metrics in Prometheus's text exposition format 0.0.4.
    ///
    /// - Parameters:
    ///   - resource: The Collector's attributes, shown as `target_info`.
    ///   - omitsTypeSuffix: Counters keep their name as it is, instead of ending in `_total`: the default of the
    ///     OpenTelemetry Collector, and what its dashboards query.
    public func prometheusText(resource: [String: String] = [:], omitsTypeSuffix: Bool = true) -> String {
        var text = ""
        var previousName = ""
        for sample in samples() {
            var name = Self.metricName(sample.name)
            if sample.kind == .counter, !omitsTypeSuffix, !name.hasSuffix("_total") { name += "_total" }
            let family = sample.kind == .histogram ? Self.metricName(sample.family) : name
            if family != previousName {
                if !sample.help.isEmpty { text += "# HELP \(family) \(Self.escapedHelp(sample.help))\n" }
                text += "# TYPE \(family) \(sample.kind.rawValue)\n"
                previousName = family
            }
            text += name + Self.labelText(sample.labels) + " \(Self.number(sample.value))\n"
        }
        if !resource.isEmpty {
            let labels = resource.map { Label($0.key, $0.value) }.sorted()
            text += "# HELP target_info Target metadata\n# TYPE target_info gauge\n"
            text += "target_info\(Self.labelText(labels)) 1\n"
        }
        return text
    }

    /// What an endpoint says about itself. Answers are made in one piece: there is nothing in it that can fail.
    static let endpointText = """
        # HELP promhttp_metric_handler_errors_total Total number of internal errors encountered by the promhttp \
        metric handler.
        # TYPE promhttp_metric_handler_errors_total counter
        promhttp_metric_handler_errors_total{cause="encoding"} 0
        promhttp_metric_handler_errors_total{cause="gathering"} 0

        """

    private static func labelText(_ labels: [Label]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { "\(labelName($0.name))=\"\(escapedLabel($0.value))\"" }
        return "{\(pairs.joined(separator: ","))}"
    }

    /// Letters, digits, `_` and `:`; anything else, the dots of OpenTelemetry's names first of all, becomes `_`.
    private static func metricName(_ name: String) -> String { cleaned(name, allowsColon: true) }

    private static func labelName(_ name: String) -> String { cleaned(name, allowsColon: false) }

    private static func cleaned(_ name: String, allowsColon: Bool) -> String {
        var result = ""
        for scalar in name.unicodeScalars {
            let isAllowed =
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                || scalar == "_" || (allowsColon && scalar == ":")
            result.unicodeScalars.append(isAllowed ? scalar : "_")
        }
        if let first = result.unicodeScalars.first, ("0"..."9").contains(first) { result = "_" + result }
        return result.isEmpty ? "_" : result
    }

    private static func escapedLabel(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func escapedHelp(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let integer = Int64(exactly: value) { return "\(integer)" }
        return "\(value)"
    }
}
