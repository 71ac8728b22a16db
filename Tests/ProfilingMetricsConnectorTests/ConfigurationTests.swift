import Testing

@testable import Collector
@testable import ProfilingMetricsConnector

@Suite struct ConfigurationTests {
    private struct Decoded {
        var configuration: ProfilingMetricsConfiguration
        var errors: [String]
        var warnings: [String]

        var enabled: Set<MetricName> { Set(MetricName.allCases.filter(configuration.isEnabled)) }
    }

    private func decode(_ yaml: String) throws -> Decoded {
        let diagnostics = ConfigurationDiagnostics()
        let section = ConfigurationSection(
            path: "connectors::profilingmetrics", node: try YAMLDocument.parse(yaml, source: "c.yaml"),
            diagnostics: diagnostics)
        let configuration = ProfilingMetricsConnectorFactory().decode(section)
        section.finish()
        return Decoded(
            configuration: configuration, errors: diagnostics.errors.map(\.description),
            warnings: diagnostics.warnings.map(\.description))
    }

    private static let frameMetrics = Set(MetricName.allCases.filter(\.isFrameMetric))

    @Test(arguments: ["", "{}", "metrics:\naggregations:\n"])
    func nothingMeansDefaults(yaml: String) throws {
        let decoded = try decode(yaml)
        #expect(decoded.errors == [])
        #expect(decoded.warnings == [])
        #expect(decoded.configuration.flushInterval == .seconds(30))
        #expect(decoded.enabled == Self.frameMetrics)
    }

    @Test func todaysKeys() throws {
        let decoded = try decode(
            """
            flush_interval: 1m
            function_limit: 5
            drop_resource_attributes: [process.pid]
            metrics:
              samples.go.count: {enabled: false}
              samples.frame_type: {enabled: true, aggregation_strategy: max, attributes: [frame_type]}
              samples.cpu.time: {enabled: true, attributes: [thread.name]}
            aggregations:
              - {match: "^net/http", label: http}
            """)
        #expect(decoded.errors == [])
        #expect(decoded.configuration.flushInterval == .seconds(60))
        #expect(decoded.configuration.functionLimit == 5)
        #expect(decoded.configuration.droppedResourceAttributes == ["process.pid"])
        #expect(
            decoded.enabled
                == Self.frameMetrics.subtracting([.go]).union([.frameType, .cpuTime, .customAggregation]))
        #expect(decoded.configuration.settings(.frameType).strategy == .max)
        #expect(!decoded.configuration.has("profile.type_unit", .frameType))
        #expect(decoded.configuration.aggregations.map(\.label) == ["http"])
    }

    static let mistakes: [(String, [String])] = [
        (
            "metrics: {samples.frame_type: {attributes: [frame, frame_type]}}",
            ["samples.frame_type::attributes", "\"frame\"", "profile.type_unit"]
        ),
        ("metrics: {samples.frame_type: {aggregation_strategy: median}}", ["median", "sum, avg, min, max"]),
        ("metrics: {samples.cpu.time: {aggregation_strategy: avg}}", ["samples.cpu.time", "sum"]),
        ("metrics: {samples.golang.count: {enabled: true}}", ["samples.golang.count", "samples.go.count"]),
        ("metrics: {samples.go.count: {attributes: [x]}}", ["samples.go.count::attributes", "invalid key"]),
        ("aggregations: [{match: '', label: a}]", ["aggregations::0", "match"]),
        ("aggregations: [{match: a}]", ["aggregations::0", "label"]),
        ("aggregations: [{match: 'a(', label: broken}]", ["aggregations::0::match", "broken"]),
        ("aggregations: [{match: '(?=a)', label: ahead}]", ["aggregations::0::match", "ahead"]),
        ("flush_interval: soon", ["flush_interval", "soon"]),
        ("function_limit: 0", ["function_limit", "between 1 and 10000"]),
        ("by_frames: true", ["by_frames", "by_frame"]),
    ]

    @Test(arguments: mistakes)
    func mistakesAreErrorsOfTheConfiguration(yaml: String, words: [String]) throws {
        let errors = try decode(yaml).errors
        #expect(errors.count == 1)
        for word in words { #expect(errors.first?.contains(word) == true, "\(word) in \(errors)") }
    }

    // MARK: - Keys of the 9.2 release

    @Test func theKeysOfTheDocumentation() throws {
        let decoded = try decode("by_frame: true\nby_frametype: true\nby_classification: true")
        #expect(decoded.errors == [])
        #expect(decoded.enabled == Self.frameMetrics.union([.frameType, .classification, .samples]))
        #expect(decoded.warnings.count == 3)
        let names = ["samples.*.count", "samples.frame_type", "samples.classification"]
        for (warning, key) in zip(decoded.warnings, names) {
            #expect(warning.contains("metrics::\(key)::enabled"))
        }
    }

    @Test func withoutByFrameThereAreNoFrameMetrics() throws {
        #expect(try decode("by_frametype: true").enabled == [.frameType, .samples])
        #expect(try decode("by_frame: false").enabled == [.samples])
        #expect(
            try decode("by_frametype: true\nmetrics: {samples.go.count: {enabled: true}}").enabled
                == [.frameType, .samples, .go])
    }

    @Test func aPrefixGoesBeforeEveryName() throws {
        let decoded = try decode("metrics_prefix: my.")
        #expect(decoded.warnings.count == 1)
        #expect(decoded.enabled == Self.frameMetrics.union([.samples]))
        let data = message([TestSample([.of("go")], 2)])
        #expect(
            lines(metrics(data, decoded.configuration)) == [
                "my.samples.count 2", "my.samples.go.count 2", "my.samples.user.count 2",
            ])
    }

    @Test func aLabelHasItsOldKey() throws {
        let decoded = try decode("by_frame: false\naggregations: [{match: f, label: l}]")
        let data = message([TestSample([.of("go", "f")])])
        #expect(
            lines(metrics(data, decoded.configuration)) == [
                "samples.count 1", "samples.custom_aggregation{aggregation=l,profile.type_unit=samples_count} 1",
            ])
    }
}
