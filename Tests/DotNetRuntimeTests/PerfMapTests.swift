import Foundation
import LiveSupport
import ObjectFiles
import Processes
import RuntimeSupport
import Testing

@testable import DotNetRuntime

/// Every method that a running .NET has written into its perf map has the name that the perf map says.
@Suite(.enabled(if: TestBed.command(runtime: "dotnet8", []) != nil))
struct PerfMapTests {
    @Test func namesAgreeAddressByAddress() async throws {
        let folder = try TemporaryFolder()
        try Data(RecordedAssembly.bytes).write(to: URL(fileURLWithPath: folder.path(of: "busy.dll")))
        let configuration = """
            { "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "8.0.0" },
              "configProperties": { "System.Globalization.Invariant": true } } }
            """
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder.path(of: "busy.runtimeconfig.json")))
        let script = "echo $$; exec env DOTNET_PerfMapEnabled=1 DOTNET_ReadyToRun=0 dotnet '\(folder.path(of: "busy.dll"))'"
        let command = try #require(TestBed.command(runtime: "dotnet8", ["sh", "-c", script]))
        let child = try ChildProcess(command)
        let pid = try #require(Int32(try child.readLine() ?? ""))
        defer { kill(pid, SIGKILL) }
        let mapPath = "/tmp/perf-\(pid).map"
        defer { unlink(mapPath) }
        try await Task.sleep(for: .seconds(6))
        kill(pid, SIGSTOP)
        let (attached, reader) = try attach(pid)
        var compared = 0
        for line in try String(contentsOfFile: mapPath, encoding: .utf8).split(separator: "\n") {
            // Address, size, "instance void [assembly] Namespace.Type+Nested`1[Argument]::Method(int32)[Tier]".
            let parts = line.split(separator: " ", maxSplits: 2)
            guard parts.count == 3, let start = UInt64(parts[0].trimmingPrefix("0x"), radix: 16),
                let expected = Self.plain(String(parts[2])), let header: UInt64 = try? reader.memory.read(at: start - 8),
                let known = reader.header(at: header)
            else { continue }
            let found = attached.functions(of: [header, UInt64(known.checksum)]).map(\.name)
            // Of some names the runtime's own text lacks the last character.
            let name = found.map(Self.withoutDecoration).first ?? ""
            #expect(name == expected || name.dropLast() == expected, "\(line)")
            compared += 1
        }
        #expect(compared > 150)
    }

    private func attach(_ pid: Int32) throws -> (any AttachedRuntime, MethodReader<RemoteMemory>) {
        let mapping = try #require(
            try ProcFileSystem().mappings(of: pid, thread: pid).mappings.first { $0.path.hasSuffix("/libcoreclr.so") })
        let file = try ELFFile(FileReader(path: mapping.path))
        let segment = try #require(file.executableSegments.first)
        let bias = mapping.start &- mapping.fileOffset &- (segment.address - segment.offset)
        let executable = try #require(DotNetRuntime().inspect(file, path: mapping.path) as? DotNetExecutable)
        let memory = RemoteMemory(pid: pid)
        let module = InspectedProcess.Module(path: mapping.path, bias: bias, file: file)
        let attached = try executable.attach(to: InspectedProcess(memory: memory, module: module, modules: [module]))
        let version = try #require(executable.found)
        let layout = try #require(DotNetLayout(version, isArm64: false))
        return (attached, MethodReader(memory: memory, layout: layout))
    }

    /// "Namespace.Type.Nested.Method" of a perf map's text; nil for what is no method of an assembly.
    private static func plain(_ text: String) -> String? {
        guard let assembly = text.range(of: #"\[[A-Za-z][A-Za-z.]*\] "#, options: .regularExpression),
            text.hasSuffix("]"), !text.contains("dynamicClass"),
            // What compilers made is named differently on purpose.
            !text[assembly.upperBound...].prefix(while: { $0 != "(" }).contains("<")
        else { return nil }
        var name = text[assembly.upperBound...]
        guard let separator = name.range(of: "::") else { return nil }
        let type = withoutArguments(name[..<separator.lowerBound])
        name = name[separator.upperBound...]
        let method = withoutArguments(name.prefix { $0 != "(" })
        return withoutDecoration((type + "." + method).replacingOccurrences(of: "+", with: "."))
    }

    /// Without "`1" and what stands in brackets.
    private static func withoutArguments(_ text: Substring) -> String {
        var depth = 0
        var result = ""
        for character in text {
            if character == "[" { depth += 1 }
            if depth == 0 { result.append(character) }
            if character == "]" { depth -= 1 }
        }
        return result.replacingOccurrences(of: #"`\d+"#, with: "", options: .regularExpression)
    }

    /// Without parameters of types, methods and functions.
    private static func withoutDecoration(_ name: String) -> String {
        var depth = 0
        var result = ""
        for character in name.prefix(while: { $0 != "(" }) {
            if character == "<" { depth += 1 }
            if depth == 0 { result.append(character) }
            if character == ">" { depth -= 1 }
        }
        return result
    }
}
