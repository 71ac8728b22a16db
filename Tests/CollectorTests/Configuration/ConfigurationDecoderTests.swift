import Testing

@testable import Collector

struct ConfigurationDecoderTests {
    func errors(_ yaml: String, gates: String = "service.profilesSupport") -> [String] {
        do {
            _ = try decodeConfiguration(yaml, gates: gates)
            return []
        } catch let error as InvalidConfiguration {
            return error.issues.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    static let sound = """
        receivers: {rx: , rx/2: {}}
        processors: {proc: }
        exporters: {ex: }
        connectors: {conn: }
        extensions: {ext: }
        service:
          extensions: [ext]
          pipelines:
            profiles: {receivers: [rx, rx/2], processors: [proc], exporters: [conn, ex]}
            metrics: {receivers: [conn], exporters: [ex]}
        """

    @Test func acceptsASoundConfiguration() throws {
        let (configuration, warnings) = try decodeConfiguration(Self.sound)
        #expect(warnings.isEmpty)
        #expect(Set(configuration.receivers.keys.map(\.description)) == ["rx", "rx/2"])
        let profiles = try #require(configuration.service.pipelines[PipelineID(signal: .profiles)])
        #expect(profiles.receivers.map(\.id.description) == ["rx", "rx/2"])
        #expect(profiles.exporters.map(\.id.description) == ["conn", "ex"])
    }

    /// A receiver, an exporter, and the pipelines of the argument.
    static func pipelines(_ text: String, more: String = "") -> String {
        "receivers: {rx: }\nexporters: {ex: }\n\(more)\nservice: {pipelines: {\(text)}}"
    }

    @Test(arguments: [
        ("{}", "empty configuration file"),
        ("exporters: {ex: }\nservice: {pipelines: {logs: {receivers: [], exporters: [ex]}}}",
            "no receiver configuration specified in config"),
        ("receivers: {rx: }\nservice: {pipelines: {logs: {receivers: [rx], exporters: []}}}",
            "no exporter configuration specified in config"),
        (pipelines(""), "service::pipelines: service must have at least one pipeline"),
        (pipelines("logs: {exporters: [ex]}"), "service::pipelines::logs: must have at least one receiver (otel.yml:4:29)"),
        (pipelines("logs: {receivers: [rx]}"), "service::pipelines::logs: must have at least one exporter (otel.yml:4:29)"),
        (pipelines("logs/a: {receivers: [rx], exporters: [es]}"),
            "service::pipelines::logs/a: references exporter \"es\" which is not configured (otel.yml:4:61)"),
        (pipelines("logs: {receivers: [xr], exporters: [ex]}"),
            "service::pipelines::logs: references receiver \"xr\" which is not configured (otel.yml:4:42)"),
        (pipelines("metrics: {receivers: [rx], processors: [p], exporters: [ex]}"),
            "service::pipelines::metrics: references processor \"p\" which is not configured (otel.yml:4:63)"),
        (pipelines("metrics: {receivers: [rx], processors: [proc, proc], exporters: [ex]}", more: "processors: {proc: }"),
            "service::pipelines::metrics: references processor \"proc\" multiple times (otel.yml:4:69)"),
        (pipelines("foo: {receivers: [rx], exporters: [ex]}"),
            "service::pipelines::foo: unknown pipeline signal: \"foo\" (valid values: [\"traces\", \"metrics\", \"logs\", \"profiles\"]) (otel.yml:4:28)"),
        (pipelines("logs: {receivers: [rx], exporters: [ex], recievers: [rx]}"),
            "service::pipelines::logs::recievers: invalid key; did you mean \"receivers\"? (otel.yml:4:64)"),
        (pipelines("logs: {receivers: [rx], exporters: [ex]}", more: "connectors: {ex: }"),
            "connectors::ex: unknown type: \"ex\" for id: \"ex\" (valid values: [conn]) (otel.yml:3:14)"),
        (pipelines("logs: {receivers: [rx], exporters: [ex]}", more: "recievers: {}"),
            "recievers: invalid key; did you mean \"receivers\"? (otel.yml:3:1)"),
        (pipelines("logs: {receivers: [rx], exporters: [ex]}", more: "extensions: {a b: }"),
            "extensions::a b: invalid character(s) in type \"a b\" (otel.yml:3:14)"),
        (pipelines("logs: {receivers: [rx], exporters: [ex]}", more: "processors: {prc: }"),
            "processors::prc: unknown type: \"prc\" for id: \"prc\" (valid values: [proc]); did you mean \"proc\"? (otel.yml:3:14)"),
        (pipelines("logs: {receivers: [rx], exporters: [ex]}", more: "processors: {proc/a: , 'proc/ a': }"),
            "processors::proc/ a: duplicate name \"proc/a\" after unmarshaling \"proc/ a\" (otel.yml:3:24)"),
        ("receivers: {rx: }\nexporters: {ex: }\nservice: {extensions: [e], pipelines: {logs: {receivers: [rx], exporters: [ex]}}}",
            "service::extensions: references extension \"e\" which is not configured (otel.yml:3:24)"),
        (pipelines("logs: {receivers: [rx], exporters: [ex]}", more: "processors: {proc: {refuses: 5}}"),
            "processors::proc::refuses: expected type string, got int 5; put it in quotes (otel.yml:3:30)"),
    ])
    func explains(yaml: String, message: String) {
        #expect(errors(yaml).contains(message), "\(errors(yaml))")
    }

    @Test func refusesAnIdThatIsConnectorAndExporter() throws {
        let journal = Journal()
        var factories = memoryFactories(journal)
        factories.connectors.append(MemoryConnectorFactory(type: "ex", journal: journal))
        let root = try YAMLDocument.parse(
            Self.pipelines("logs: {receivers: [rx], exporters: [ex]}", more: "connectors: {ex: }"))
        let decoder = ConfigurationDecoder(factories: factories, gates: try gates())
        let error = #expect(throws: InvalidConfiguration.self) { try decoder.decode(root) }
        #expect(
            error?.description.hasPrefix(
                "connectors::ex: ambiguous ID: Found both \"ex\" exporter and \"ex\" connector.") == true)
    }

    @Test func namesTheFlagWhenTheGateIsMissing() {
        let found = errors(Self.sound, gates: "")
        #expect(
            found == [
                "service::pipelines: pipeline \"profiles\": profiling signal support is at alpha level, gated under "
                    + "the \"service.profilesSupport\" feature gate; add --feature-gates=service.profilesSupport "
                    + "(otel.yml:9:15)"
            ])
    }

    /// Documentation leaves the section out; the error names the exporter.
    @Test func namesAnExporterThatHasNoSection() {
        let yaml = "receivers: {rx: }\nservice: {pipelines: {metrics: {receivers: [rx], exporters: [elasticsearch]}}}"
        #expect(
            errors(yaml) == [
                "service::pipelines::metrics: references exporter \"elasticsearch\" which is not configured "
                    + "(otel.yml:2:62)"
            ])
    }

    @Test func reportsErrorsOfAllSectionsAtOnce() {
        let yaml = """
            receivers: {rx: {typo: 1}}
            exporters: {nope: , ex: {fails_to_start: 7}}
            service:
              pipelines: {logs: {receivers: [rx, ry], exporters: [ex]}}
              telemetry: {logs: {level: loud}, metrics: {level: huge}}
            """
        let found = errors(yaml)
        for part in ["rx::typo", "exporters::nope", "ex::fails_to_start", "\"ry\"", "\"loud\"", "\"huge\""] {
            #expect(found.filter { $0.contains(part) }.count == 1, "\(part) in \(found)")
        }
        #expect(found.count == 6)
    }

    @Test func allowsNoPipelinesBehindTheGate() throws {
        _ = try decodeConfiguration("extensions: {ext: }\nservice: {extensions: [ext]}", gates: "service.AllowNoPipelines")
    }

    @Test func warnsAboutAliases() throws {
        let yaml = Self.pipelines("logs: {receivers: [old_rx/a], exporters: [ex]}")
            .replacing("{rx: }", with: "{old_rx/a: }")
        let (configuration, warnings) = try decodeConfiguration(yaml)
        #expect(
            warnings.map(\.description)
                == ["receivers::old_rx/a: \"old_rx\" alias is deprecated; use \"rx\" instead (otel.yml:1:13)"])
        #expect(configuration.receivers[ComponentID(type: "old_rx", name: "a")]?.type == "rx")
    }

    @Test func readsTelemetry() throws {
        let yaml =
            Self.pipelines("logs: {receivers: [rx], exporters: [ex]}").dropLast() + """
                , telemetry: {
                  logs: {level: DEBUG, encoding: json, initial_fields: {a: 1}, sampling: , output_paths: [stdout]},
                  metrics: {level: Detailed, readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: 9000}}}}]},
                  resource: {service.name: mine, service.version: }}}
                """
        let (configuration, warnings) = try decodeConfiguration(String(yaml))
        let telemetry = configuration.service.telemetry
        #expect(telemetry.logs.level == .debug)
        #expect(telemetry.logs.encoding == .json)
        #expect(telemetry.logs.initialFields == ["a": "1"])
        #expect(telemetry.logs.sampling == nil)
        #expect(telemetry.logs.outputPaths == ["stdout"])
        #expect(telemetry.metrics.level == .detailed)
        #expect(telemetry.metrics.readers == [.init(host: "0.0.0.0", port: 9000)])
        #expect(telemetry.resource["service.name"] == "mine")
        #expect(telemetry.resource["service.version"] == .some(nil))
        #expect(warnings.count == 1)
    }

    @Test func readsTheOlderMetricsAddress() throws {
        let yaml =
            Self.pipelines("logs: {receivers: [rx], exporters: [ex]}").dropLast()
            + ", telemetry: {metrics: {address: '[::]:8889'}}}"
        let (configuration, warnings) = try decodeConfiguration(String(yaml))
        #expect(configuration.service.telemetry.metrics.readers == [.init(host: "::", port: 8889)])
        #expect(warnings.count == 1)
    }

    @Test func redactsSecrets() async throws {
        let yaml = """
            receivers: {rx: {secret: hunter2, refuses: visible}}
            exporters: {ex: {secret: hunter3, bad: 1}}
            """
        let settings = CollectorSettings(
            build: BuildInformation(command: "c", description: "d", version: "v"), factories: memoryFactories(),
            gates: try gates(), sources: ConfigurationSources(uris: ["yaml:" + yaml]))
        let text = try await CollectorRun(settings).resolvedRoot(printsSecrets: false).yaml()
        #expect(!text.contains("hunter"))
        #expect(text.contains("visible"))
        #expect(text.contains("secret: '[REDACTED]'") || text.contains("secret: \"[REDACTED]\""), "\(text)")
        #expect(try await CollectorRun(settings).resolvedRoot(printsSecrets: true).yaml().contains("hunter3"))
    }
}
