/// Short names for the messages that are used all the time.

// MARK: - Common

public typealias OTLPAnyValue = Opentelemetry_Proto_Common_V1_AnyValue
public typealias OTLPKeyValue = Opentelemetry_Proto_Common_V1_KeyValue
public typealias OTLPScope = Opentelemetry_Proto_Common_V1_InstrumentationScope
public typealias OTLPResource = Opentelemetry_Proto_Resource_V1_Resource

// MARK: - Batches, one per signal

public typealias OTLPTracesData = Opentelemetry_Proto_Trace_V1_TracesData
public typealias OTLPMetricsData = Opentelemetry_Proto_Metrics_V1_MetricsData
public typealias OTLPLogsData = Opentelemetry_Proto_Logs_V1_LogsData
public typealias OTLPProfilesData = Opentelemetry_Proto_Profiles_V1development_ProfilesData

// MARK: - Profiles

public typealias OTLPProfilesDictionary = Opentelemetry_Proto_Profiles_V1development_ProfilesDictionary
public typealias OTLPResourceProfiles = Opentelemetry_Proto_Profiles_V1development_ResourceProfiles
public typealias OTLPScopeProfiles = Opentelemetry_Proto_Profiles_V1development_ScopeProfiles
public typealias OTLPProfile = Opentelemetry_Proto_Profiles_V1development_Profile
public typealias OTLPSample = Opentelemetry_Proto_Profiles_V1development_Sample
public typealias OTLPStack = Opentelemetry_Proto_Profiles_V1development_Stack
public typealias OTLPLocation = Opentelemetry_Proto_Profiles_V1development_Location
public typealias OTLPLine = Opentelemetry_Proto_Profiles_V1development_Line
public typealias OTLPFunction = Opentelemetry_Proto_Profiles_V1development_Function
public typealias OTLPMapping = Opentelemetry_Proto_Profiles_V1development_Mapping
public typealias OTLPLink = Opentelemetry_Proto_Profiles_V1development_Link
public typealias OTLPValueType = Opentelemetry_Proto_Profiles_V1development_ValueType
public typealias OTLPKeyValueAndUnit = Opentelemetry_Proto_Profiles_V1development_KeyValueAndUnit

// MARK: - Metrics

public typealias OTLPResourceMetrics = Opentelemetry_Proto_Metrics_V1_ResourceMetrics
public typealias OTLPMetric = Opentelemetry_Proto_Metrics_V1_Metric
public typealias OTLPNumberDataPoint = Opentelemetry_Proto_Metrics_V1_NumberDataPoint

// MARK: - Requests and answers

public typealias OTLPExportTracesRequest = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest
public typealias OTLPExportTracesResponse = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse
public typealias OTLPExportMetricsRequest = Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceRequest
public typealias OTLPExportMetricsResponse = Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceResponse
public typealias OTLPExportLogsRequest = Opentelemetry_Proto_Collector_Logs_V1_ExportLogsServiceRequest
public typealias OTLPExportLogsResponse = Opentelemetry_Proto_Collector_Logs_V1_ExportLogsServiceResponse
public typealias OTLPExportProfilesRequest =
    Opentelemetry_Proto_Collector_Profiles_V1development_ExportProfilesServiceRequest
public typealias OTLPExportProfilesResponse =
    Opentelemetry_Proto_Collector_Profiles_V1development_ExportProfilesServiceResponse

// MARK: - Making attributes

extension OTLPAnyValue {
    public static func string(_ value: String) -> Self { .with { $0.value = .stringValue(value) } }
    public static func integer(_ value: Int64) -> Self { .with { $0.value = .intValue(value) } }
    public static func boolean(_ value: Bool) -> Self { .with { $0.value = .boolValue(value) } }
    public static func double(_ value: Double) -> Self { .with { $0.value = .doubleValue(value) } }
}

extension OTLPKeyValue {
    public init(_ key: String, _ value: OTLPAnyValue) {
        self.init()
        self.key = key
        self.value = value
    }

    public init(_ key: String, _ value: String) { self.init(key, .string(value)) }
    public init(_ key: String, _ value: Int64) { self.init(key, .integer(value)) }
}
