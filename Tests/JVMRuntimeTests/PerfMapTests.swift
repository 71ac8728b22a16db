import CBPFInterface
import Foundation
import Glibc
import LiveSupport
import ObjectFiles
import Processes
import RuntimeSupport
import Testing

@testable import JVMRuntime

/// All code of running JVMs, against the perf maps that they write when they are asked to (since JDK 17).
@Suite struct PerfMapTests {
    private static let program = ((#filePath as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent("../Live/Programs/jvm/Busy.java")
    private static let names = ["jdk17", "jdk21", "jdk25", "jdk26"].filter {
        TestBed.command(runtime: $0, []) != nil
    }

    @Test(.enabled(if: !names.isEmpty), arguments: names)
    func everyAddressHasTheNameThatHotSpotGivesIt(_ name: String) async throws {
        let classes = "/tmp/otelcol-perf-map-\(name)"
        // Before JDK 22 the command takes no path. The program is stopped as soon as the map is written: what it
        // compiles later is not in it.
        let script = """
            rm -rf \(classes) && mkdir -p \(classes) && javac -nowarn -d \(classes) $0 && \
            { java -cp \(classes) Busy $$ >\(classes)/log 2>&1 & pid=$!; sleep 4; \
            jcmd $pid Compiler.perfmap \(classes)/map >/dev/null; \
            [ -s \(classes)/map ] || { jcmd $pid Compiler.perfmap >/dev/null; mv /tmp/perf-$pid.map \(classes)/map; }; \
            kill -STOP $pid; echo map $pid; cat \(classes)/map; echo end; wait $pid; }
            """
        let folder = (Self.program as NSString).deletingLastPathComponent
        let command = try #require(TestBed.command(runtime: name, ["sh", "-c", script, "Busy.java"]))
        let child = try ChildProcess(command, folder: folder)
        var lines: [String] = []
        while let line = try await onThread({ try child.readLine() }), line != "end" { lines.append(line) }
        let first = try #require(lines.firstIndex { $0.hasPrefix("map ") })
        let pid = try #require(Int32(lines[first].dropFirst(4)))
        defer { kill(pid, SIGKILL) }
        let jvm = try attach(pid)
        var compared = 0
        var differing: [String] = []
        var stubs: Set<String> = []
        for line in lines[(first + 1)...] {
            // Address, size, name.
            let parts = line.split(separator: " ", maxSplits: 2)
            guard parts.count == 3, let start = UInt64(parts[0].trimmingPrefix("0x"), radix: 16),
                let words = words(start, jvm)
            else { continue }
            let expected = parts[2].replacing(/[+\/]0x[0-9a-f]+/, with: "+<hidden>")
            let found = jvm.functions(of: words).last?.name ?? "nothing"
            compared += 1
            if expected.hasPrefix("StubRoutines"), let size = UInt64(parts[1].trimmingPrefix("0x"), radix: 16) {
                for offset in stride(from: 0, to: min(size, 1 << 20), by: 32) {
                    let words = [words[0], words[1] &+ offset << 32, words[2]]
                    stubs.formUnion(jvm.functions(of: words).map(\.name).filter { $0.contains("[") })
                }
            }
            // Of the stubs in a blob we name the one.
            if found != expected, !(found.hasPrefix("StubRoutines") && found.hasPrefix(expected)) {
                differing.append("\(line): \(found)")
            }
        }
        #expect(compared > 150)
        // Of all versions, whichever table names them.
        #expect(stubs.count > 20, "\(stubs.sorted())")
        #expect(differing.isEmpty, "\(differing.count) of \(compared): \(differing.prefix(5))")
    }

    private func attach(_ pid: Int32) throws -> AttachedJVM<RemoteMemory> {
        let mapping = try #require(
            try ProcFileSystem().mappings(of: pid, thread: pid).mappings.first { $0.path.hasSuffix("/libjvm.so") })
        let file = try ELFFile(FileReader(path: mapping.path))
        let bias = try #require(file.loadBias(mappingStart: mapping.start, fileOffset: mapping.fileOffset))
        let executable = try #require(JVMRuntime().inspect(file, path: mapping.path))
        let module = InspectedProcess.Module(path: mapping.path, bias: bias, file: file)
        let process = InspectedProcess(memory: RemoteMemory(pid: pid), module: module, modules: [module])
        return try #require(try executable.attach(to: process) as? AttachedJVM<RemoteMemory>)
    }

    /// What the kernel side would record of an address: found by the map of segments, as it is there.
    private func words(_ address: UInt64, _ jvm: AttachedJVM<RemoteMemory>) -> [UInt64]? {
        let memory = jvm.memory, layout = jvm.layout
        guard let heap = jvm.heaps.heaps.first(where: { $0.code.contains(address) }) else { return nil }
        var segment = (address - heap.code.lowerBound) >> UInt64(jvm.heaps.segmentShift)
        for _ in 0..<64 {
            guard let tag = try? memory.read(at: heap.segments + segment, as: UInt8.self), tag != 0xff else { return nil }
            if tag == 0 { break }
            segment -= UInt64(tag)
        }
        let blob = heap.code.lowerBound + segment << UInt64(jvm.heaps.segmentShift) + UInt64(layout.heapBlockBytes)
        guard let head = try? memory.readBytes(at: blob, count: layout.nmethodBytes),
            let begin = layout.codePlace(layout.blobCodeBegin, of: blob, head),
            let nameAt = try? memory.read(at: blob + UInt64(layout.blobName), as: UInt64.self),
            let name = try? memory.readCString(at: nameAt, limit: 128)
        else { return nil }
        let place = (address &- begin) << 32
        guard String(decoding: name, as: UTF8.self).hasSuffix("nmethod") else {
            return [blob | UInt64(JVM_FRAME_STUB.rawValue), place, nameAt]
        }
        guard let compilation = try? memory.read(at: blob + UInt64(layout.nmethodCompilation), as: UInt32.self),
            let method = try? memory.read(at: blob + UInt64(layout.nmethodMethod), as: UInt64.self)
        else { return nil }
        return [blob | UInt64(JVM_FRAME_COMPILED.rawValue), place | UInt64(compilation), method]
    }
}
