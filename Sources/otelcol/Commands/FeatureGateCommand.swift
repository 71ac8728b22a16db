import ArgumentParser
import Collector

/// `featuregate`: lists the gates, or shows one.
struct FeatureGateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "featuregate", abstract: "Show the feature gates and whether they are enabled.")

    @Argument(help: "Show only this gate.")
    var id: String?

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let gates = try options.gates()
        guard let id else {
            print(Self.table(gates))
            return
        }
        guard let gate = gates.gate(id) else { throw CollectorError("feature \"\(id)\" not found") }
        print("Feature: \(gate.id)")
        print("Enabled: \(gates.isEnabled(gate.id))")
        print("Stage: \(gate.stage.rawValue)")
        print("Description: \(gate.summary)")
        print("From Version: \(gate.fromVersion)")
        if let toVersion = gate.toVersion { print("To Version: \(toVersion)") }
    }

    /// Columns two spaces apart.
    private static func table(_ gates: FeatureGates) -> String {
        let rows =
            [["ID", "Enabled", "Stage", "Description"]]
            + gates.gates.map { [$0.id, "\(gates.isEnabled($0.id))", $0.stage.rawValue, $0.summary] }
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, text in
                column < widths.count
                    ? text + String(repeating: " ", count: widths[column] - text.count + 2) : text
            }.joined()
        }.joined(separator: "\n")
    }
}
