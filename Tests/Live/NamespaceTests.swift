import Foundation
import LiveSupport
import Testing

extension LiveSuite {
    /// The profiler in a pid namespace of its own, as in a node that is a container: processes there and in namespaces
    /// below are profiled under the numbers that they have there, what is outside is known to be that and no more.
    struct NamespaceTests {
        static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        static let collector = "\(root)/.build/debug/small-collector"
        static let requirements: [Requirement] = [
            .root, .bpf, .perfEvents, .tool("gcc"), .tool("unshare"), .tool("pgrep"), .path(collector),
        ]

        private static let source = """
            #include <stdio.h>
            #include <unistd.h>
            __attribute__((noinline)) void NAME(void) { for (volatile long sink = 0;; sink++); }
            int main(int count, char **arguments) {
                FILE *file = fopen(arguments[1], "w");
                fprintf(file, "%d", getpid());
                fclose(file);
                NAME();
            }
            """

        @Test(.enabled(if: try Live.has(requirements)), arguments: ["recursive", "exact"])
        func processesHaveTheNumbersOfTheNamespace(mode: String) throws {
            let folder = try TemporaryFolder()
            try Data(Self.source.utf8).write(to: URL(fileURLWithPath: folder.path(of: "spin.c")))
            for place in ["inside", "nested", "outside"] {
                try Command.runBlocking([
                    "gcc", "-O1", "-DNAME=spin_\(place)", "-o", folder.path(of: place), folder.path(of: "spin.c"),
                ])
            }
            let yaml = """
                receivers:
                  profiling: { samples_per_second: 99, reporter_interval: 1s, pid_namespace_translation_mode: \(mode) }
                exporters: { file: { path: \(folder.path(of: "profiles.json")) } }
                service: { pipelines: { profiles: { receivers: [ profiling ], exporters: [ file ] } } }
                """
            try Data(yaml.utf8).write(to: URL(fileURLWithPath: folder.path(of: "otel.yml")))
            let script = """
                cd "$0"
                ./inside inside.pid & inside=$!
                unshare --pid --fork --kill-child ./nested nested.pid & nested=$!
                sleep 0.2
                \(Self.collector) --config otel.yml --feature-gates=service.profilesSupport >log 2>&1 & collector=$!
                sleep 7
                pgrep -x nested >nested.pid
                kill -TERM $collector; wait $collector; echo $?
                kill -9 $inside $nested
                """
            let outside = try ChildProcess([folder.path(of: "outside"), folder.path(of: "outside.pid")])
            defer { outside.send(SIGKILL) }
            let namespace = try ChildProcess(
                ["unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "sh", "-c", script, folder.path])
            #expect(try namespace.readToEnd().contains("0"))
            let log = (try? String(contentsOfFile: folder.path(of: "log"), encoding: .utf8)) ?? ""
            let text = try String(contentsOfFile: folder.path(of: "profiles.json"), encoding: .utf8)
            func number(_ name: String) throws -> String {
                try String(contentsOfFile: folder.path(of: "\(name).pid"), encoding: .utf8)
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
            let samples = try Self.samples(text)
            let inside = samples["inside"], nested = samples["nested"]
            #expect(inside?.pid == (try number("inside")), "\(log)")
            #expect(inside?.count ?? 0 > 50, "\(samples) \(log)")
            #expect(samples["outside"] == nil && samples["none"]?.pid == nil)
            #expect(samples["none"]?.count ?? 0 > 50, "\(samples)")
            #expect(text.contains("spin_inside") && !text.contains("spin_outside"))
            #expect(text.contains("outside_namespace"))
            if mode == "recursive" {
                #expect(nested?.pid == (try number("nested")) && nested?.count ?? 0 > 50, "\(samples)")
                #expect(text.contains("spin_nested"))
            } else {
                #expect(nested == nil && !text.contains("spin_nested"))
            }
        }

        /// Pid and number of samples, by the name of the executable: "none" for those that have no pid.
        private static func samples(_ text: String) throws -> [String: (pid: String?, count: Int)] {
            var result: [String: (pid: String?, count: Int)] = [:]
            for line in text.split(separator: "\n") {
                let message = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                for resource in message?["resourceProfiles"] as? [[String: Any]] ?? [] {
                    var attributes: [String: String] = [:]
                    let list = (resource["resource"] as? [String: Any])?["attributes"] as? [[String: Any]] ?? []
                    for attribute in list {
                        guard let key = attribute["key"] as? String, let value = attribute["value"] as? [String: Any]
                        else { continue }
                        attributes[key] = value.values.first.map { "\($0)" }
                    }
                    let pid = attributes["process.pid"]
                    let name = pid == nil ? "none" : attributes["process.executable.name"] ?? "?"
                    for scope in resource["scopeProfiles"] as? [[String: Any]] ?? [] {
                        for profile in scope["profiles"] as? [[String: Any]] ?? [] {
                            for sample in profile["samples"] as? [[String: Any]] ?? [] {
                                let times = sample["timestampsUnixNano"] as? [Any] ?? []
                                result[name, default: (pid, 0)].count += times.count
                            }
                        }
                    }
                }
            }
            return result
        }
    }
}
