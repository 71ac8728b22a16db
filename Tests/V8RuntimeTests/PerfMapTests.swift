import CBPFInterface
import Foundation
import Glibc
import LiveSupport
import ObjectFiles
import Processes
import RuntimeSupport
import Testing

@testable import V8Runtime

/// Optimised code and builtins of running Node.js, against what V8 writes for perf.
@Suite struct PerfMapTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Live/Programs/v8").standardizedFileURL.path
    private static let names = ["node14", "node16", "node18", "node20", "node22", "node24", "node26"].filter {
        TestBed.command(runtime: $0, []) != nil
    }

    /// Code's symbol in the map: how it was made, its function's name, script and line.
    private struct Entry {
        var address: UInt64
        var name: String
        var path = ""
        var line: UInt32 = 0
    }

    @Test(.enabled(if: !names.isEmpty), arguments: names)
    func everyAddressHasTheNameThatV8GivesIt(_ name: String) async throws {
        let command = try #require(
            TestBed.command(runtime: name, ["node", "--perf-basic-prof", "\(Self.folder)/constructors.js"]))
        // Some versions write another log, into the current folder.
        let current = try TemporaryFolder()
        let child = try ChildProcess(command, folder: current.path)
        let line = try #require(try await onThread { try child.readLine() })
        let pid = try #require(Int32(line.dropFirst("ready ".count)))
        defer { kill(pid, SIGKILL) }
        let path = "/tmp/perf-\(pid).map"
        defer { unlink(path) }
        try await Task.sleep(for: .seconds(3))
        kill(pid, SIGSTOP)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let mappings = try ProcFileSystem().mappings(of: pid, thread: pid).mappings
        let mapping = try #require(mappings.first { $0.path.hasSuffix("/node") })
        let file = try ELFFile(FileReader(path: mapping.path))
        let bias = try #require(file.loadBias(mappingStart: mapping.start, fileOffset: mapping.fileOffset))
        let executable = try #require(V8Runtime().inspect(file, path: mapping.path))
        let module = InspectedProcess.Module(path: mapping.path, bias: bias, file: file)
        let attached = try executable.attach(
            to: InspectedProcess(memory: RemoteMemory(pid: pid), module: module, modules: [module]))

        // What comes later at an address is what lies there.
        var functions: [UInt64: Entry] = [:]
        var builtins: [UInt64: Entry] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 2)
            guard parts.count == 3, let address = UInt64(parts[0], radix: 16) else { continue }
            functions[address] = nil
            if parts[2].hasPrefix("Builtin:") {
                builtins[address] = Entry(address: address, name: String(parts[2]))
            } else if let match = parts[2].wholeMatch(
                of: /(?:JS|LazyCompile|Function):[*+]'?(.+?) (\/.+?\.js):([0-9]+)(:[0-9]+)?/)
            {
                functions[address] = Entry(
                    address: address, name: String(match.output.1), path: String(match.output.2),
                    line: UInt32(match.output.3) ?? 0)
            }
        }
        var compared = 0
        var differing: [String] = []
        for entry in functions.values {
            let kind = UInt64(V8_FRAME_COMPILED.rawValue) << UInt64(V8_FRAME_KIND_SHIFT)
            // The function that was compiled comes last. None: the code is gone.
            guard let found = attached.functions(of: [kind | entry.address, 0, 0, 0]).last, found.name != "V8::Code" else {
                continue
            }
            compared += 1
            // Names that V8 inferred have more to them.
            let isName = entry.name == found.name || entry.name.hasSuffix("." + found.name) || found.name == "<anonymous>"
            if !isName || found.fileName != entry.path || found.startLine != entry.line {
                differing.append("\(entry): \(found)")
            }
        }
        #expect(compared >= 3, "\(functions.count) entries")
        #expect(differing.isEmpty, "\(differing)")

        compared = 0
        for entry in builtins.values {
            guard let mapping = mappings.first(where: { $0.start <= entry.address && entry.address < $0.end }),
                mapping.path.hasSuffix("/node"),
                let bias = file.loadBias(mappingStart: mapping.start, fileOffset: mapping.fileOffset)
            else { continue }
            let kind = UInt64(V8_FRAME_BUILTIN.rawValue) << UInt64(V8_FRAME_KIND_SHIFT)
            let found = attached.functions(of: [kind | (entry.address &- bias), 0, 0, 0]).first?.name
            compared += 1
            #expect(found == entry.name)
        }
        #expect(compared > 500)
    }
}
