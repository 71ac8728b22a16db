import Foundation
import LiveSupport
import Testing

@testable import Processes

private let id = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
private let uid = "7e3da189-6407-48e3-9ab6-78188d75e609"

/// Where control groups are mounted, by version.
private func mountPoint(version: Int) -> String? {
    let text = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") {
        let fields = line.split(separator: " ")
        guard fields.count > 3, fields[2] == (version == 2 ? "cgroup2" : "cgroup") else { continue }
        if version == 2 || fields[3].contains("name=systemd") { return String(fields[1]) }
    }
    return nil
}

/// Control groups as container runtimes and systemd make them, with a real process in them.
struct LiveContainerTests {
    private func facts(of command: [String], in group: String, version: Int) throws -> ProcessFacts? {
        guard let mount = mountPoint(version: version) else { return nil }
        let folder = mount + group
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let child = try ChildProcess(command)
        defer {
            child.send(SIGKILL)
            _ = child.wait()
            // Only empty ones can be removed: from the innermost out.
            var path = folder
            while path.count > mount.count, rmdir(path) == 0 { path = (path as NSString).deletingLastPathComponent }
        }
        try Data("\(child.pid)".utf8).write(to: URL(fileURLWithPath: folder + "/cgroup.procs"))
        #expect(try child.readLine() == "ready")
        return try ProcFileSystem().facts(of: child.pid, thread: child.pid, environmentVariables: ["SHOWN"])
    }

    private static let pause = "echo ready; exec sleep 60"

    @Test(.enabled(if: try Live.has(.root)), arguments: [1, 2])
    func aPodsContainerIsRecognised(version: Int) throws {
        let group =
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
            + uid.replacingOccurrences(of: "-", with: "_") + ".slice/cri-containerd-\(id).scope"
        let command = ["env", "SHOWN=1", "OTEL_RESOURCE_ATTRIBUTES=service.name=cart", "sh", "-c", Self.pause]
        guard let facts = try facts(of: command, in: group, version: version) else { return }
        #expect(facts.containerID == id)
        #expect(facts.placement?.podUID == uid && facts.placement?.containerRuntime == "containerd")
        #expect(facts.service == ServiceName("cart", source: .environment))
        #expect(facts.environment.map(\.name) == ["SHOWN"])
    }

    @Test(.enabled(if: try Live.has(.root)), arguments: [1, 2])
    func aUnitNamesItsService(version: Int) throws {
        let command = ["env", "-i", "/bin/sh", "-c", Self.pause]
        guard
            let facts = try facts(of: command, in: "/system.slice/otelcol-test@4.service", version: version)
        else { return }
        #expect(facts.containerID == nil && facts.placement?.systemdUnit == "otelcol-test@4.service")
        #expect(facts.service == ServiceName("otelcol-test", source: .systemdUnit))
    }

    @Test(.enabled(if: try Live.has(.root)))
    func otherwiseTheExecutableDoes() throws {
        let child = try ChildProcess(["env", "-i", "/bin/sh", "-c", Self.pause])
        defer { child.send(SIGKILL) }
        #expect(try child.readLine() == "ready")
        var facts = try ProcFileSystem().facts(of: child.pid, thread: child.pid)
        // The shell announces itself before it becomes `sleep`.
        for _ in 0..<100 where facts.executableName != "sleep" {
            usleep(10_000)
            facts = try ProcFileSystem().facts(of: child.pid, thread: child.pid)
        }
        #expect(facts.service == ServiceName("sleep", source: .executable))
        #expect(try ProcFileSystem().facts(of: 2, thread: 2).service == nil)
    }
}
