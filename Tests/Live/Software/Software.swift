import Glibc
import LiveSupport

/// Software as a distribution ships it, and a load for it (`Programs/software/NAME.sh`).
struct Software: Sendable, CustomStringConvertible {
    var name: String
    /// What must be installed; `Scripts/setup software` does.
    var tools: [String]
    /// File names of the executables whose samples count.
    var executables: Set<String>

    var description: String { name }

    static let all = [
        Software(name: "postgresql", tools: ["pg_lsclusters"], executables: ["postgres", "pgbench"]),
        // The server's file has several names.
        Software(
            name: "redis", tools: ["redis-server"],
            executables: ["redis-check-rdb", "redis-server", "redis-benchmark"]),
        Software(name: "nginx", tools: ["/usr/sbin/nginx", "wrk"], executables: ["nginx", "wrk"]),
        Software(name: "ffmpeg", tools: ["ffmpeg"], executables: ["ffmpeg"]),
        Software(name: "gcc", tools: ["g++"], executables: ["cc1plus", "as", "x86_64-linux-gnu-as"]),
        Software(name: "git", tools: ["git"], executables: ["git"]),
        Software(name: "chromium", tools: ["chromium"], executables: ["chromium"]),
    ]

    var script: String { "\(ProofProgram.sources)/software/\(name).sh" }

    struct Failed: Error, CustomStringConvertible {
        var description: String
    }

    /// - Parameter whileBusy: called once it is ready and busy.
    func run(seconds: Int, whileBusy: @Sendable () async throws -> Void = {}) async throws {
        let folder = try TemporaryFolder()
        chmod(folder.path, 0o755)
        let child = try ChildProcess(["sh", script, folder.path, "\(seconds)"])
        guard let line = try await onThread({ try child.readLine() }), line == "ready" else {
            let log = try? await Command.run(["tail", "-n", "20", folder.path(of: "log")])
            throw Failed(description: "\(name) did not become ready: \(log ?? "")")
        }
        try await whileBusy()
        let exit = try await onThread { child.wait() }
        guard exit == .code(0) else {
            let log = try? await Command.run(["tail", "-n", "20", folder.path(of: "log")])
            throw Failed(description: "\(name) ended with \(exit): \(log ?? "")")
        }
    }
}
