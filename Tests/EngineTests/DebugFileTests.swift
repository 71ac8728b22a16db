import Foundation
import LiveSupport
import Processes
import Testing

@testable import Engine

@Suite struct DebugFileTests {
    /// A program's debug file that only the program's own mount namespace has.
    @Test(.enabled(if: try Live.has(.root)))
    func debugFileInTheMountNamespaceOfTheProcess() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder + "/.debug", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "#include <unistd.h>\nstatic int hidden; int main(void) { return hidden + pause(); }"
            .write(toFile: folder + "/program.c", atomically: false, encoding: .utf8)
        let script = """
            set -e; cd '\(folder)'
            gcc -g -Wl,--build-id -o program program.c
            objcopy --only-keep-debug program elsewhere
            objcopy --strip-all --add-gnu-debuglink=elsewhere program
            mount -t tmpfs none .debug
            mv elsewhere .debug
            exec ./program
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments = ["--mount", "--propagation", "private", "/bin/sh", "-c", script]
        try process.run()
        defer { process.terminate() }
        let pid = ProcessID(process.processIdentifier)
        // The script is over when the program is the process.
        var mapping: Mapping?
        for _ in 0..<600 where mapping == nil {
            usleep(50_000)
            mapping = try ProcFileSystem().mappings(of: pid, thread: pid).mappings.first {
                $0.path == folder + "/program"
            }
        }
        let found = try #require(mapping)
        let reference = try #require(found.executable)
        let opened = ExecutableOpener().open(
            .init(reference: reference, process: ProcessKey(pid: pid, generation: 1), mapping: found))
        #expect(opened.file?.symbolTable() == nil)
        #expect(opened.debugFiles.separate?.symbolTable() != nil)
        #expect(opened.debugFiles.separate?.gnuBuildID()?.hex == opened.description.gnuBuildID)
        #expect(!FileManager.default.fileExists(atPath: folder + "/.debug/elsewhere"))
    }
}
