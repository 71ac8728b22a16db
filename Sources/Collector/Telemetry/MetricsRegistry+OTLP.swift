import OTLP

extension MetricsRegistry {
    /// All metrics as they are now, in OTLP's form: cumulative since the process began.
    ///
    /// - Parameters:
    ///   - resource: The Collector's attributes.
    ///   - startUnixNanoseconds: When counting began.
    public func otlpMetrics(
        resource: [String: String], scopeVersion: String, startUnixNanoseconds: UInt64, timeUnixNanoseconds: UInt64
    ) -> OTLPMetricsData {
        var metrics: [OTLPMetric] = []
        for reading in readings() {
            if metrics.last?.name != reading.name {
                metrics.append(
                    .with {
                        $0.name = reading.name
                        $0.description_p = reading.help
                        switch reading.value {
                        case .number(.gauge, _), .number(.histogram, _): $0.gauge = .init()
                        case .number(.counter, _):
                            $0.sum = .with {
                                $0.isMonotonic = true
                                $0.aggregationTemporality = .cumulative
                            }
                        case .histogram: $0.histogram = .with { $0.aggregationTemporality = .cumulative }
                        }
                    })
            }
            let last = metrics.count - 1
            let attributes = reading.labels.map { OTLPKeyValue($0.name, $0.value) }
            switch reading.value {
            case .number(let kind, let number):
                let point = OTLPNumberDataPoint.with {
                    $0.attributes = attributes
                    $0.timeUnixNano = timeUnixNanoseconds
                    if kind == .counter { $0.startTimeUnixNano = startUnixNanoseconds }
                    if let integer = Int64(exactly: number) { $0.asInt = integer } else { $0.asDouble = number }
                }
                if case .sum? = metrics[last].data {
                    metrics[last].sum.dataPoints.append(point)
                } else {
                    metrics[last].gauge.dataPoints.append(point)
                }
            case .histogram(let bounds, let state):
                metrics[last].histogram.dataPoints.append(
                    .with {
                        $0.attributes = attributes
                        $0.startTimeUnixNano = startUnixNanoseconds
                        $0.timeUnixNano = timeUnixNanoseconds
                        $0.explicitBounds = bounds
                        $0.bucketCounts = state.counts
                        $0.count = state.counts.reduce(0, &+)
                        $0.sum = state.sum
                    })
            }
        }
        return .with { data in
            data.resourceMetrics = [
                .with { own in
                    own.resource.attributes = OwnTelemetry.attributes(resource)
                    own.scopeMetrics = [
                        .with {
                            $0.scope = OwnTelemetry.scope(version: scopeVersion)
                            $0.metrics = metrics
                        }
                    ]
                }
            ]
        }
    }
}

/// What all own telemetry has in common.
enum OwnTelemetry {
    static func attributes(_ resource: [String: String]) -> [OTLPKeyValue] {
        resource.sorted { $0.key < $1.key }.map { OTLPKeyValue($0.key, $0.value) }
    }

    static func scope(version: String) -> OTLPScope {
        .with {
            $0.name = "otelcol"
            $0.version = version
        }
    }
}

extension WallClockTime {
    var unixNanoseconds: UInt64 {
        UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: milliseconds) &* 1_000_000
    }
}
