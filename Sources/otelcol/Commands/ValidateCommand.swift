import ArgumentParser
import Collector

/// `validate`: checks a configuration and its pipelines; starts nothing.
struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check the configuration without running the Collector.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Say so when the configuration is valid, and print warnings.")
    var verbose = false

    func run() async throws {
        let loaded = try await CollectorRun(try options.collectorSettings()).validate()
        guard verbose else { return }
        for warning in loaded.warnings { print("Warning: \(warning)") }
        let pipelines = loaded.configuration.service.pipelines.keys.sorted().map(\.description)
        print("The configuration is valid. Pipelines: \(pipelines.joined(separator: ", "))")
    }
}
