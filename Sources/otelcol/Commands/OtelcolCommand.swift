import ArgumentParser
import Collector
import HTTPConfigurationProvider
import PrometheusEndpoint

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where configurations and values in them can come from.
let configurationProviders: [any ConfigurationProvider] =
    ConfigurationResolver.defaultProviders
    + ["http", "https"].map { HTTPConfigurationProvider(scheme: $0) }

/// The command line. Without a subcommand it runs the Collector.
struct OtelcolCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: programInformation.command,
        abstract: "OpenTelemetry Collector with a profiler for the whole host.",
        discussion: """
            Without a subcommand, runs the Collector until SIGINT or SIGTERM. \
            A second of these signals ends it at once; SIGHUP reads the configuration again.
            """,
        subcommands: [
            ValidateCommand.self, ComponentsCommand.self, PrintConfigCommand.self, FeatureGateCommand.self,
            DoctorCommand.self, VersionCommand.self, ElasticsearchCommand.self, RecordCaseCommand.self,
        ])

    @OptionGroup var options: ConfigurationOptions

    @Flag(name: [.customShort("v"), .customLong("version")], help: "Print the version and exit.")
    var printsVersion = false

    func run() async throws {
        if printsVersion {
            VersionCommand.printVersion()
            return
        }
        try await CollectorRun(try options.collectorSettings()).runUntilSignal()
    }

    /// Parses and runs.
    /// - Returns: The exit code: 0 for success, help and version, 1 for every error, which is printed once.
    static func execute(_ arguments: [String]) async -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch {
            if exitCode(for: error) == .success {
                print(fullMessage(for: error))
                return 0
            }
            printError(message(for: error))
            return 1
        }
    }

    private static func printError(_ message: String) {
        var text = "Error: \(message)\n"
        text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// The flags that say which configuration to use and how.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .customLong("config"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Where the configuration is: a path, or a URI with scheme file, env, yaml, http or https. "
                + "May be repeated; later ones are merged over earlier ones.",
            valueName: "uri"))
    var uris: [String] = []

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Sets one value over all configurations, for example "
                + "receivers.profiling.samples_per_second=19. May be repeated.",
            valueName: "key.path=value"))
    var settings: [String] = []

    @Option(
        name: .customLong("feature-gates"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Gates to enable, or with a minus before the id to disable, separated by commas. May be repeated. "
                + "The variable OTELCOL_FEATURE_GATES is applied before. See the subcommand featuregate.",
            valueName: "ids"))
    var gateLists: [String] = []

    /// Applies the gates and gathers what a Collector is made of.
    func collectorSettings() throws -> CollectorSettings {
        CollectorSettings(
            build: programInformation, factories: components, gates: try gates(),
            sources: ConfigurationSources(uris: uris, settings: settings), providers: configurationProviders,
            makeMetricsEndpoint: { reader, logger, text in
                await PrometheusEndpoint.start(reader, logger: logger, text: text)
            },
            makeTelemetryExporter: { destination, signal, context in
                try await OwnTelemetryExporter.make(destination, signal, context)
            })
    }

    func gates() throws -> FeatureGates {
        let gates = FeatureGates()
        let environment = getenv("OTELCOL_FEATURE_GATES").map { String(cString: $0) }
        for list in [environment].compactMap({ $0 }) + gateLists {
            for notice in try gates.apply(list) { print(notice) }
        }
        return gates
    }
}
