import Collector
import ExporterSupport
import Foundation

/// `dynatrace`: what Dynatrace's OneAgent has written down of this host. Without its file nothing is found.
struct DynatraceDetector: ResourceDetector {
    var path = "/var/lib/dynatrace/enrichment/dt_host_metadata.properties"
    private static let maximumBytes = 64 << 10
    private static let names = ["host.name", "dt.entity.host", "dt.smartscape.host"]

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        let path = path
        let text = try await BlockingWork(label: "otelcol-dynatrace").run { () -> String in
            guard let file = FileHandle(forReadingAtPath: path) else { return "" }
            defer { try? file.close() }
            return String(decoding: try file.read(upToCount: Self.maximumBytes) ?? Data(), as: UTF8.self)
        }
        return text.split(whereSeparator: \.isNewline).compactMap { line in
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2, Self.names.contains(parts[0]), !parts[1].isEmpty else { return nil }
            return DetectedAttribute(parts[0], parts[1])
        }
    }
}
