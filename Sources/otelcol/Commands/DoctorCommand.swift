import ArgumentParser
import Collector
import Engine
import ExporterSupport

/// `doctor`: whether this machine can be profiled, and whether the back ends of a configuration can be reached.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check what a start needs: kernel, privileges, back ends. One line each.",
        discussion: """
            Without --config, checks whether this machine can be profiled. With it, checks the configuration too, \
            whether the exporters' destinations answer, and the machine only if the configuration profiles it. \
            The exit code is 1 if something is missing without which a start fails or data gets lost.
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        var lines: [DoctorLine] = []
        func report(_ line: DoctorLine) {
            print(line)
            lines.append(line)
        }
        var profilesMachine = true
        var run: CollectorRun?
        if !options.uris.isEmpty || !options.settings.isEmpty {
            let candidate = CollectorRun(try options.collectorSettings())
            do {
                let loaded = try await candidate.validate()
                for warning in loaded.warnings { report(DoctorLine(.warning, "configuration", "\(warning)")) }
                let pipelines = loaded.configuration.service.pipelines.keys.sorted().map(\.description)
                report(DoctorLine(.ok, "configuration", "valid; pipelines: \(pipelines.joined(separator: ", "))"))
                profilesMachine = loaded.configuration.receives("profiling")
                run = candidate
            } catch let error as InvalidConfiguration {
                for issue in error.issues { report(DoctorLine(.missing, "configuration", "\(issue)")) }
            } catch {
                report(DoctorLine(.missing, "configuration", "\(error)"))
            }
        }
        if profilesMachine {
            let checks = try await BlockingWork(label: "doctor").run { Engine.checkHost() }
            for check in checks { report(DoctorLine(check)) }
        }
        if let run {
            for result in try await run.probeBackEnds() {
                switch result.outcome {
                case .success(let text): report(DoctorLine(.ok, "\(result.instance)", text))
                case .failure(let error): report(DoctorLine(.missing, "\(result.instance)", "\(error)"))
                }
            }
        }
        let missing = lines.count { $0.verdict == .missing }
        if missing > 0 { throw CollectorError(missing == 1 ? "one check failed" : "\(missing) checks failed") }
    }
}
