import ArgumentParser
import Collector

/// `print-config`: the configuration after merging and expansion.
struct PrintConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "print-config", abstract: "Print the configuration after merging and expansion.",
        aliases: ["print-initial-config"])

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "redacted or unredacted: whether secrets are hidden.")
    var mode = "redacted"

    @Option(help: "yaml or json.")
    var format = "yaml"

    @Option(help: "true or false: whether the configuration must be valid.")
    var validate = true

    func run() async throws {
        let printsSecrets: Bool
        switch mode.lowercased() {
        case "redacted": printsSecrets = false
        case "unredacted": printsSecrets = true
        default: throw CollectorError("invalid mode \"\(mode)\" (valid values: [redacted, unredacted])")
        }
        let run = CollectorRun(try options.collectorSettings())
        if validate { try await run.validate() }
        let root = try await run.resolvedRoot(printsSecrets: printsSecrets)
        switch format.lowercased() {
        case "yaml": print(try root.yaml(), terminator: "")
        case "json": print(root.json())
        default: throw CollectorError("invalid format \"\(format)\" (valid values: [yaml, json])")
        }
    }
}
