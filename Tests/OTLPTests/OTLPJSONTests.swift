import Foundation
import OTLP
import OTLPTestSupport
import SwiftProtobuf
import Testing

struct OTLPJSONTests {
    static func text(_ payload: some OTLPPayload) throws -> String {
        String(decoding: try OTLPJSON.encode(payload), as: UTF8.self)
    }

    static func decode<Payload: OTLPPayload>(_ text: String) throws -> Payload {
        try OTLPJSON.decode(from: Array(text.utf8))
    }

    @Test func writesIDsAsLowercaseDigitsAndEnumerationsAsNumbers() throws {
        let json = try Self.text(ExampleTelemetry.traces())
        #expect(json.contains(#""traceId":"101112131415161718191a1b1c1d1e1f""#))
        #expect(json.contains(#""spanId":"f8f9fafbfcfdfeff""#))
        #expect(json.contains(#""parentSpanId":"0102030405060708""#))
        #expect(json.contains(#""kind":2"#))
        #expect(json.contains(#""startTimeUnixNano":"1700000000123456789""#))
        #expect(json.contains(#"{"key":"empty","value":{}}"#))
        #expect(!json.contains("\n"))
    }

    @Test func writesWhatTheCollectorAlwaysWrites() throws {
        let data = OTLPProfilesData.with {
            $0.dictionary = ProfilesDictionaryBuilder().dictionary
            $0.resourceProfiles = [.with { $0.scopeProfiles = [.with { $0.profiles = [OTLPProfile()] }] }]
        }
        #expect(
            try Self.text(data)
                == #"{"resourceProfiles":[{"resource":{},"scopeProfiles":[{"scope":{},"profiles":[{"sampleType":{},"#
                + #""periodType":{}}]}]}],"dictionary":{"mappingTable":[{}],"locationTable":[{}],"functionTable":[{}],"#
                + #""linkTable":[{}],"stringTable":[""],"attributeTable":[{"value":{}}],"stackTable":[{}]}}"#)
    }

    @Test func writesProfileIDsAsDigitsAndPayloadsAsBase64() throws {
        var data = ExampleProfiles.small()
        data.resourceProfiles[0].scopeProfiles[0].profiles[0].originalPayload = Data([1, 2, 3])
        let json = try Self.text(data)
        #expect(json.contains(#""profileId":"abababababababababababababababab""#))
        #expect(json.contains(#""originalPayload":"AQID""#))
        #expect(json.contains(#""stackIndex":1"#))
        #expect(json.contains(#""timestampsUnixNano":["1700000000000000000","1700000001000000000"]"#))
    }

    @Test func leavesOutBytesThatAreNoID() throws {
        let data = OTLPLogsData.with {
            $0.resourceLogs = [
                .with { $0.scopeLogs = [.with { $0.logRecords = [.with { $0.traceID = Data([1, 2, 3]) }] }] }
            ]
        }
        #expect(!(try Self.text(data)).contains("traceId"))
    }

    @Test func readsBothFormsOfIDs() throws {
        func link(_ id: String) throws -> Data {
            let data: OTLPProfilesData = try Self.decode(
                #"{"dictionary":{"linkTable":[{"traceId":"\#(id)"}]}}"#)
            return data.dictionary.linkTable[0].traceID
        }
        let bytes = Data((0..<16).map { UInt8($0 * 17) })
        #expect(try link("00112233445566778899aabbccddeeff") == bytes)
        #expect(try link("00112233445566778899AABBCCDDEEFF") == bytes)
        #expect(try link(bytes.base64EncodedString()) == bytes)
        #expect(try link("").isEmpty)
        for wrong in ["00", "0011", "zz112233445566778899aabbccddeeff", "00112233445566778899aabbccddee", "AQID"] {
            #expect(throws: (any Error).self) { try link(wrong) }
        }
    }

    @Test func readsIntegersInBothForms() throws {
        let profile = #"{"timeUnixNano":"18446744073709551615","durationNano":5,"period":"-1","samples":[{"stackIndex":"3"}]}"#
        let data: OTLPProfilesData = try Self.decode(
            #"{"resourceProfiles":[{"scopeProfiles":[{"profiles":[\#(profile)]}],"notOurs":[{"a":null}]}]}"#)
        let decoded = data.resourceProfiles[0].scopeProfiles[0].profiles[0]
        #expect(decoded.timeUnixNano == .max)
        #expect(decoded.durationNano == 5)
        #expect(decoded.period == -1)
        #expect(decoded.samples[0].stackIndex == 3)
    }

    @Test func refusesDeepNesting() {
        let depth = 100_000
        let text =
            #"{"resourceLogs":[{"resource":{"attributes":[{"key":"a","value":"#
            + String(repeating: #"{"arrayValue":{"values":["#, count: depth)
        #expect(throws: (any Error).self) { let _: OTLPLogsData = try Self.decode(text) }
        let unknown = #"{"x":"# + String(repeating: "[", count: depth)
        #expect(throws: (any Error).self) { let _: OTLPLogsData = try Self.decode(unknown) }
    }

    // MARK: - Against Python

    @Test func pythonReadsWhatWeWrite() async throws {
        guard try PythonPeer.isAvailable() else { return }
        #expect(try await Self.throughPython(ExampleProfiles.small(), "profiles") == normalized(ExampleProfiles.small()))
        #expect(try await Self.throughPython(ExampleTelemetry.traces(), "traces") == normalized(ExampleTelemetry.traces()))
        #expect(
            try await Self.throughPython(ExampleTelemetry.metrics(), "metrics") == normalized(ExampleTelemetry.metrics()))
        #expect(try await Self.throughPython(ExampleTelemetry.logs(), "logs") == normalized(ExampleTelemetry.logs()))
    }

    static func throughPython<Payload: OTLPPayload>(_ payload: Payload, _ signal: String) async throws -> Payload {
        try await PythonPeer.decode(signal: signal, json: OTLPJSON.encode(payload))
    }

    /// The same message with the empty messages that JSON always holds.
    func normalized<Payload: OTLPPayload>(_ payload: Payload) throws -> Payload {
        try OTLPJSON.decode(from: OTLPJSON.encode(payload))
    }

    @Test func weReadWhatPythonWrites() async throws {
        guard try PythonPeer.isAvailable() else { return }
        try await Self.fromPython(ExampleProfiles.small(), "profiles")
        try await Self.fromPython(ExampleTelemetry.traces(), "traces")
        try await Self.fromPython(ExampleTelemetry.metrics(), "metrics")
        try await Self.fromPython(ExampleTelemetry.logs(), "logs")
    }

    static func fromPython<Payload: OTLPPayload & Equatable>(_ payload: Payload, _ signal: String) async throws {
        let decoded: Payload = try OTLPJSON.decode(from: await PythonPeer.encode(payload, signal: signal))
        #expect(decoded == payload)
    }
}

struct ItemCountTests {
    @Test func countsItems() {
        #expect(ExampleProfiles.small().sampleCount == 2)
        #expect(ExampleProfiles.small().profileCount == 1)
        #expect(ExampleTelemetry.traces().spanCount == 2)
        #expect(ExampleTelemetry.metrics().metricCount == 3)
        #expect(ExampleTelemetry.metrics().metricPointCount == 4)
        #expect(ExampleTelemetry.logs().logRecordCount == 1)
    }

    @Test func weightIsTheSumOfValuesOrTheNumberOfTimestamps() {
        #expect(OTLPSample.with { $0.timestampsUnixNano = [1, 2, 3] }.weight == 3)
        #expect(OTLPSample.with { $0.timestampsUnixNano = [1, 2]; $0.values = [5, 6] }.weight == 11)
        #expect(OTLPSample.with { $0.values = [.max, 1] }.weight == .max)
        #expect(OTLPSample.with { $0.values = [.min, -1] }.weight == .min)
    }
}
