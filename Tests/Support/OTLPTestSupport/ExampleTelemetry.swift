import Foundation
import OTLP

/// Batches of the other signals for tests.
public enum ExampleTelemetry {
    static let traceID = Data(0x10...0x1f)
    static let spanID = Data(0xf8...0xff)
    static let time: UInt64 = 1_700_000_000_123_456_789

    static let resource = OTLPResource.with {
        $0.attributes = [OTLPKeyValue("service.name", "shop"), OTLPKeyValue("empty", OTLPAnyValue())]
    }
    static let scope = OTLPScope.with {
        $0.name = "library"
        $0.version = "2.0"
    }

    public static func traces() -> OTLPTracesData {
        .with {
            $0.resourceSpans = [
                .with {
                    $0.resource = resource
                    $0.scopeSpans = [
                        .with {
                            $0.scope = scope
                            $0.spans = [
                                .with {
                                    $0.traceID = traceID
                                    $0.spanID = spanID
                                    $0.parentSpanID = Data(1...8)
                                    $0.name = "GET /"
                                    $0.kind = .server
                                    $0.startTimeUnixNano = time
                                    $0.endTimeUnixNano = time + 1
                                    $0.attributes = [OTLPKeyValue("ok", .boolean(true))]
                                    $0.events = [.with { $0.name = "event" }]
                                    $0.links = [
                                        .with {
                                            $0.traceID = traceID
                                            $0.spanID = spanID
                                        }
                                    ]
                                    $0.status.code = .error
                                },
                                .with { $0.name = "child" },
                            ]
                        }
                    ]
                }
            ]
        }
    }

    public static func metrics() -> OTLPMetricsData {
        .with {
            $0.resourceMetrics = [
                .with {
                    $0.resource = resource
                    $0.scopeMetrics = [
                        .with {
                            $0.scope = scope
                            $0.metrics = [
                                .with {
                                    $0.name = "requests"
                                    $0.unit = "{request}"
                                    $0.sum.isMonotonic = true
                                    $0.sum.aggregationTemporality = .cumulative
                                    $0.sum.dataPoints = [
                                        .with {
                                            $0.asInt = -9_007_199_254_740_993
                                            $0.timeUnixNano = time
                                            $0.attributes = [OTLPKeyValue("route", "/")]
                                            $0.exemplars = [
                                                .with {
                                                    $0.asDouble = 0.5
                                                    $0.traceID = traceID
                                                    $0.spanID = spanID
                                                }
                                            ]
                                        },
                                        .with { $0.asInt = 2 },
                                    ]
                                },
                                .with {
                                    $0.name = "latency"
                                    $0.histogram.dataPoints = [
                                        .with {
                                            $0.count = 3
                                            $0.sum = 6
                                            $0.min = 1
                                            $0.max = 3
                                            $0.explicitBounds = [1.5]
                                            $0.bucketCounts = [1, 2]
                                        }
                                    ]
                                },
                                .with {
                                    $0.name = "temperature"
                                    $0.gauge.dataPoints = [.with { $0.asDouble = 21.25 }]
                                },
                            ]
                        }
                    ]
                }
            ]
        }
    }

    public static func logs() -> OTLPLogsData {
        .with {
            $0.resourceLogs = [
                .with {
                    $0.resource = resource
                    $0.scopeLogs = [
                        .with {
                            $0.scope = scope
                            $0.logRecords = [
                                .with {
                                    $0.timeUnixNano = time
                                    $0.severityNumber = .warn
                                    $0.severityText = "WARN"
                                    $0.body = .string("snow \u{2603} \"quoted\"")
                                    $0.traceID = traceID
                                    $0.spanID = spanID
                                    $0.attributes = [
                                        OTLPKeyValue("bytes", .with { $0.bytesValue = Data([0, 255]) })
                                    ]
                                }
                            ]
                        }
                    ]
                }
            ]
        }
    }
}
