import Collector
import Foundation

/// `env`: the variable `OTEL_RESOURCE_ATTRIBUTES`, or the older `OTEL_RESOURCE`; `key=value`, separated by commas, values
/// percent-encoded (OpenTelemetry specification, resource SDK).
struct EnvironmentDetector: ResourceDetector {
    var environment = ProcessInfo.processInfo.environment

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        let text = ["OTEL_RESOURCE_ATTRIBUTES", "OTEL_RESOURCE"].lazy
            .compactMap { environment[$0]?.trimmingCharacters(in: .whitespaces) }.first { !$0.isEmpty }
        guard let text else { return [] }
        return try text.split(separator: ",").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].trimmingCharacters(in: .whitespaces)
            guard parts.count == 2, !name.isEmpty else {
                throw CollectorError("\"\(pair)\" in OTEL_RESOURCE_ATTRIBUTES is not of the form key=value")
            }
            let value = parts[1].trimmingCharacters(in: .whitespaces)
            return DetectedAttribute(name, value.removingPercentEncoding ?? value)
        }
    }
}
