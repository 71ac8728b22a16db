import Foundation
import LiveSupport

/// gdb as an independent unwinder: it stops the process a few times and walks every thread's stack.
enum GDBOracle {
    static let requirements: [Requirement] = [.root, .tool("gdb")]

    /// For every frame: name, tab, file of the code; an empty line ends a stack.
    private static let script = """
        import gdb
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            frame = gdb.newest_frame()
            while frame is not None and frame.is_valid():
                pc = frame.pc()
                path = gdb.solib_name(pc) or gdb.current_progspace().filename or ''
                signal = frame.type() == gdb.SIGTRAMP_FRAME
                print('FRAME\\t%s\\t%s' % ('__restore_rt' if signal else (frame.name() or ''), path))
                frame = frame.older()
            print('STACK')
        """

    /// gdb attaches to a thread group by any of its threads, but not by a main thread that has exited.
    private static func livingThread(of pid: Int32) -> Int32 {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task"))?.compactMap(
            Int32.init)
        return threads?.sorted().first { thread in
            let status = try? String(contentsOfFile: "/proc/\(pid)/task/\(thread)/status", encoding: .utf8)
            return status.map { !$0.contains("State:\tZ") } ?? false
        } ?? pid
    }

    /// - Parameter count: backtraces to take.
    static func samples(ofProcess pid: Int32, threadName: String, count: Int) async throws -> [ProofSample] {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "stacks.py")
        try await Command.run(["sh", "-c", "printf '%s' \"$1\" >\"$2\"", "sh", script, path])
        var samples: [ProofSample] = []
        for _ in 0..<count {
            let output = try await Command.run(
                [
                    "gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex", "set backtrace past-main on",
                    "-ex", "set backtrace past-entry on", "-ex", "set backtrace limit 1100",
                    "-p", "\(livingThread(of: pid))", "-x", path,
                ])
            var frames: [ProofFrame] = []
            for line in output.split(separator: "\n") {
                let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
                if line == "STACK" {
                    samples.append(ProofSample(pid: pid, threadName: threadName, frames: frames, weight: 1))
                    frames = []
                } else if fields.count == 3, fields[0] == "FRAME" {
                    let object = fields[2].split(separator: "/").last ?? fields[2]
                    frames.append(ProofFrame(name: fields[1].isEmpty ? nil : String(fields[1]), object: String(object)))
                }
            }
        }
        return samples
    }
}
