import Foundation
import Glibc
import LiveSupport
import Testing

/// The program itself, told to read its configuration again.
@Suite(.serialized) struct ReloadLiveTests {
    /// Profiles into a file of that name.
    static func configuration(_ folder: TemporaryFolder, _ name: String, samplesPerSecond: Int = 99) -> String {
        """
        receivers: {profiling: {samples_per_second: \(samplesPerSecond), reporter_interval: 1s}}
        exporters: {file: {path: \(folder.path)/\(name).json}}
        service:
          telemetry: {metrics: {level: none}}
          pipelines: {profiles: {receivers: [profiling], exporters: [file]}}
        """
    }

    /// The new configuration is used, and nothing is unloaded from the kernel; a bad one changes nothing.
    @Test(.enabled(if: try Live.has(.root, .bpf, .perfEvents)))
    func profilingGoesOn() async throws {
        try await onThread {
            let bundle = try #require(CommandLine.arguments.first { $0.hasSuffix(".xctest") })
            let program =
                bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
                + "/otelcol"
            let folder = try TemporaryFolder()
            let (path, log) = (folder.path(of: "otel.yml"), folder.path(of: "log"))
            func install(_ text: String) throws {
                try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
            }
            func count(_ text: String) -> Int {
                PrivilegesLiveTests.contents(of: log).components(separatedBy: text).count - 1
            }
            func wait(_ what: String, until isTrue: () -> Bool) throws {
                let end = time(nil) + 60
                while !isTrue() {
                    guard time(nil) < end else {
                        Issue.record("\(what): \(PrivilegesLiveTests.contents(of: log))")
                        throw CancellationError()
                    }
                    usleep(50_000)
                }
            }
            try install(Self.configuration(folder, "first"))
            let child = try ChildProcess([
                "sh", "-c", "exec \"$@\" >\(log) 2>&1", "sh", program, "--config", path,
                "--feature-gates=service.profilesSupport",
            ])
            let ready = "Everything is ready"
            try wait("start") {
                count(ready) == 1 && !PrivilegesLiveTests.contents(of: "\(folder.path)/first.json").isEmpty
            }

            try install("receivers: {profiling: {typo: 1}}")
            child.send(SIGHUP)
            try wait("refusal") { count("Cannot reload the configuration; going on with the old one") == 1 }

            try install(Self.configuration(folder, "second"))
            child.send(SIGHUP)
            try wait("reload") {
                count(ready) == 2 && !PrivilegesLiveTests.contents(of: "\(folder.path)/second.json").isEmpty
            }
            #expect(count("eBPF programs loaded") == 1)

            // Other settings of the profiler itself: now it has to start anew.
            try install(Self.configuration(folder, "third", samplesPerSecond: 50))
            child.send(SIGHUP)
            try wait("restart") {
                count(ready) == 3 && !PrivilegesLiveTests.contents(of: "\(folder.path)/third.json").isEmpty
            }
            #expect(count("eBPF programs loaded") == 2)
            child.send(SIGTERM)
            #expect(child.wait() == .code(0))
        }
    }
}
