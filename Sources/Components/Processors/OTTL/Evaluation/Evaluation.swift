import OTLP

typealias Span = Opentelemetry_Proto_Trace_V1_Span
typealias SpanEvent = Opentelemetry_Proto_Trace_V1_Span.Event
typealias LogRecord = Opentelemetry_Proto_Logs_V1_LogRecord

/// The item that a statement works on, and what it lies in. Items are moved in and out by `TelemetryWalk`; what a
/// context does not have is empty. Used by one thread at a time.
final class Evaluation {
    var resource = OTLPResource()
    var resourceSchemaURL = ""
    var scope = OTLPScope()
    var scopeSchemaURL = ""
    var span = Span()
    var event = SpanEvent()
    /// While its points are visited they are not in it.
    var metric = OTLPMetric()
    var point = DataPoint.number(OTLPNumberDataPoint())
    var log = LogRecord()
    var profile = OTLPProfile()
    var sample = OTLPSample()
    var dictionary = DictionaryEditor()
    /// `cache`: kept from one statement to the next, for one item.
    var cache: [OTLPKeyValue] = []
}

/// A point of any kind of metric.
enum DataPoint {
    case number(OTLPNumberDataPoint)
    case histogram(Opentelemetry_Proto_Metrics_V1_HistogramDataPoint)
    case exponentialHistogram(Opentelemetry_Proto_Metrics_V1_ExponentialHistogramDataPoint)
    case summary(Opentelemetry_Proto_Metrics_V1_SummaryDataPoint)

    var attributes: [OTLPKeyValue] {
        get {
            switch self {
            case .number(let point): point.attributes
            case .histogram(let point): point.attributes
            case .exponentialHistogram(let point): point.attributes
            case .summary(let point): point.attributes
            }
        }
        set {
            switch self {
            case .number(var point):
                point.attributes = newValue
                self = .number(point)
            case .histogram(var point):
                point.attributes = newValue
                self = .histogram(point)
            case .exponentialHistogram(var point):
                point.attributes = newValue
                self = .exponentialHistogram(point)
            case .summary(var point):
                point.attributes = newValue
                self = .summary(point)
            }
        }
    }

    var startTimeUnixNano: UInt64 {
        get {
            switch self {
            case .number(let point): point.startTimeUnixNano
            case .histogram(let point): point.startTimeUnixNano
            case .exponentialHistogram(let point): point.startTimeUnixNano
            case .summary(let point): point.startTimeUnixNano
            }
        }
        set {
            switch self {
            case .number(var point):
                point.startTimeUnixNano = newValue
                self = .number(point)
            case .histogram(var point):
                point.startTimeUnixNano = newValue
                self = .histogram(point)
            case .exponentialHistogram(var point):
                point.startTimeUnixNano = newValue
                self = .exponentialHistogram(point)
            case .summary(var point):
                point.startTimeUnixNano = newValue
                self = .summary(point)
            }
        }
    }

    var timeUnixNano: UInt64 {
        get {
            switch self {
            case .number(let point): point.timeUnixNano
            case .histogram(let point): point.timeUnixNano
            case .exponentialHistogram(let point): point.timeUnixNano
            case .summary(let point): point.timeUnixNano
            }
        }
        set {
            switch self {
            case .number(var point):
                point.timeUnixNano = newValue
                self = .number(point)
            case .histogram(var point):
                point.timeUnixNano = newValue
                self = .histogram(point)
            case .exponentialHistogram(var point):
                point.timeUnixNano = newValue
                self = .exponentialHistogram(point)
            case .summary(var point):
                point.timeUnixNano = newValue
                self = .summary(point)
            }
        }
    }

    var flags: UInt32 {
        get {
            switch self {
            case .number(let point): point.flags
            case .histogram(let point): point.flags
            case .exponentialHistogram(let point): point.flags
            case .summary(let point): point.flags
            }
        }
        set {
            switch self {
            case .number(var point):
                point.flags = newValue
                self = .number(point)
            case .histogram(var point):
                point.flags = newValue
                self = .histogram(point)
            case .exponentialHistogram(var point):
                point.flags = newValue
                self = .exponentialHistogram(point)
            case .summary(var point):
                point.flags = newValue
                self = .summary(point)
            }
        }
    }
}
