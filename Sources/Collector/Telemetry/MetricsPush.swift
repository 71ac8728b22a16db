import Logging
import OTLP

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Sends, or prints, the Collector's own metrics now and then: a `periodic` reader.
struct MetricsPush: Sendable {
    /// Nil for the console.
    let exporter: (any Exporter)?
    let reader: TelemetryConfiguration.PeriodicReader
    let metrics: MetricsRegistry
    let resource: [String: String]
    let version: String
    let logger: Logger

    /// Until its task is cancelled; then once more, so that nothing is missing at the end.
    func run() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: reader.interval) } catch { break }
            await send()
        }
        // A cancelled task cannot send.
        await Task { await send() }.value
    }

    private func send() async {
        let data = metrics.otlpMetrics(
            resource: resource, scopeVersion: version,
            startUnixNanoseconds: ProcessMetrics.startTime.unixNanoseconds,
            timeUnixNanoseconds: WallClockTime.now().unixNanoseconds)
        guard let exporter else {
            print()
            return
        }
        do {
            try await exporter.consume(.metrics(data))
        } catch {
            logger.warning("Cannot send own metrics", metadata: ["error": "\(error)"])
        }
    }

    /// One line a value, as Prometheus would see it.
    private func print() {
        var text = metrics.prometheusText(resource: resource).split(separator: "\n").filter { !$0.hasPrefix("#") }
            .joined(separator: "\n") + "\n"
        text.withUTF8 { bytes in
            // What cannot be printed is lost: nobody is left to be told.
            if let base = bytes.baseAddress { _ = write(STDOUT_FILENO, base, bytes.count) }
        }
    }
}
