import CEngineSupport
import Collector
import Engine
import FileExporter
import Glibc
import ProfilingReceiver

/// The Collector with no more than the profiler and files to write to: what the kernel matrix needs of another
/// architecture, built in a fraction of the whole program's time, most of which goes into networking packages.
///
/// Understands `--config PATH`, `--feature-gates=IDS` and `doctor` as the whole program does.

engine_use_one_heap()
var paths: [String] = []
let gates = FeatureGates()
do {
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
        if argument == "--config", let path = arguments.popFirst() {
            paths.append(path)
        } else if argument.hasPrefix("--feature-gates=") {
            _ = try gates.apply(String(argument.dropFirst("--feature-gates=".count)))
        } else if argument == "doctor" {
            for check in Engine.checkHost() { print(check.name, check.outcome) }
            exit(0)
        } else {
            throw CollectorError("unexpected argument \(argument)")
        }
    }
    let settings = CollectorSettings(
        build: BuildInformation(command: "small-collector", description: "profiler into files", version: "0"),
        factories: ComponentFactories(
            receivers: [ProfilingReceiverFactory()], exporters: [FileExporterFactory()]),
        gates: gates, sources: ConfigurationSources(uris: paths))
    try await CollectorRun(settings).runUntilSignal()
} catch {
    print("Error: \(error)")
    exit(1)
}
