import Foundation
import Glibc
import ObjectFiles
import Testing

/// Runs a tool and gives its output; readelf is the independent truth here.
private func output(_ tool: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    process.arguments = arguments
    var environment = ProcessInfo.processInfo.environment
    environment["LC_ALL"] = "C"
    process.environment = environment
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
}

private let systemFiles = ["/bin/ls", "/bin/bash", "/usr/bin/readelf", "/proc/self/exe"]

@Suite struct ELFFileTests {
    @Test(arguments: systemFiles)
    func sectionsAsReadelfShowsThem(path: String) throws {
        let file = try ELFFile(FileReader(path: path))
        #expect(file.sectionsProblem == nil)
        let real = path == "/proc/self/exe" ? try FileManager.default.destinationOfSymbolicLink(atPath: path) : path
        let lines = try output("/usr/bin/readelf", ["-SW", real]).split(separator: "\n")
        var checked = 0
        for line in lines {
            guard let close = line.firstIndex(of: "]"), let open = line.firstIndex(of: "["),
                let index = Int(line[line.index(after: open)..<close].filter { $0 != " " }), index > 0
            else { continue }
            let columns = line[line.index(after: close)...].split(separator: " ")
            let section = file.sections[index]
            #expect(section.name == columns[0])
            #expect(section.address == UInt64(columns[2], radix: 16))
            #expect(section.offset == UInt64(columns[3], radix: 16))
            #expect(section.size == UInt64(columns[4], radix: 16))
            checked += 1
        }
        #expect(checked > 10 && checked == file.sections.count - 1)
    }

    @Test(arguments: systemFiles)
    func segmentsAndBuildIDAsReadelfShowsThem(path: String) throws {
        let file = try ELFFile(FileReader(path: path))
        let real = path == "/proc/self/exe" ? try FileManager.default.destinationOfSymbolicLink(atPath: path) : path
        let text = try output("/usr/bin/readelf", ["-lnW", real])
        let loads = text.split(separator: "\n").filter { $0.hasPrefix("  LOAD") }
        let segments = file.segments.filter { $0.type == ELFSegment.load }
        #expect(loads.count == segments.count && !segments.isEmpty)
        for (line, segment) in zip(loads, segments) {
            let columns = line.split(separator: " ")
            let numbers = columns[1...5].map { UInt64($0.dropFirst(2), radix: 16) }
            #expect(numbers[0] == segment.offset && numbers[1] == segment.address)
            #expect(numbers[3] == segment.fileSize && numbers[4] == segment.memorySize)
            #expect(columns[6...].joined().contains("E") == segment.isExecutable)
        }
        let buildID = text.split(separator: "\n").first { $0.contains("Build ID: ") }?.split(separator: " ").last
        #expect(file.gnuBuildID()?.hex == buildID.map(String.init))
    }

    /// The bias of this process' own mappings, against the address at which the loader put the entry point.
    @Test func ownLoadBias() throws {
        let file = try ELFFile(FileReader(path: "/proc/self/exe"))
        let exe = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        // The loader's own word, from the auxiliary vector.
        let auxiliary = try Data(contentsOf: URL(fileURLWithPath: "/proc/self/auxv"))
        let words: [UInt64] = auxiliary.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
        let atEntry = try #require(stride(from: 0, to: words.count - 1, by: 2).first { words[$0] == 9 })
        let entry = words[atEntry + 1]
        var checked = 0
        for line in try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n") {
            let columns = line.split(separator: " ")
            guard columns.count > 5, columns[5] == exe, columns[1].contains("x") else { continue }
            let start = try #require(UInt64(columns[0].split(separator: "-")[0], radix: 16))
            let offset = try #require(UInt64(columns[2], radix: 16))
            #expect(file.loadBias(mappingStart: start, fileOffset: offset) == entry &- file.entryAddress)
            checked += 1
        }
        #expect(checked > 0)
    }

    @Test func refusesWhatIsNotAnObjectFile() {
        #expect(throws: ELFError(.notELF, at: 0, reading: "e_ident")) {
            try ELFFile(MemorySource(Array("#!/bin/sh\n".utf8)))
        }
        #expect(throws: ELFError(.notELF, at: 0, reading: "e_ident")) { try ELFFile(MemorySource([])) }
        var header = [UInt8](repeating: 0, count: 64)
        header.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 1, 1])
        #expect(throws: ELFError(.unsupportedFormat, at: 4, reading: "e_ident")) {
            try ELFFile(MemorySource(header))
        }
        header[4] = 2
        header[18] = 243
        #expect(throws: ELFError(.unsupportedMachine(243), at: 18, reading: "e_machine")) {
            try ELFFile(MemorySource(header))
        }
    }

    @Test func refusesWhatIsNotARegularFile() {
        #expect(throws: BinarySourceError(.notRegularFile)) { try FileReader(path: "/dev/null") }
        #expect(throws: BinarySourceError(.notRegularFile)) { try FileReader(path: "/proc/self") }
        #expect(throws: BinarySourceError(.openFailed(errno: 2))) { try FileReader(path: "/nonexistent/file") }
    }

    /// A file that shrinks under the reader gives an error, not a signal.
    @Test func truncatedWhileOpen() throws {
        let path = NSTemporaryDirectory() + "/truncated-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 * 7) }).write(to: URL(fileURLWithPath: path))
        let reader = try FileReader(path: path)
        #expect(try reader.read(at: 99_990, count: 10) == (99_990..<100_000).map { UInt8(truncatingIfNeeded: $0 * 7) })
        // Small, large and window-crossing reads agree with the contents.
        for (offset, count) in [(0, 1), (3, 4000), (16_380, 100), (5, 50_000), (16_384, 4096), (16_383, 4097)] {
            #expect(
                try reader.read(at: UInt64(offset), count: count)
                    == (offset..<(offset + count)).map { UInt8(truncatingIfNeeded: $0 * 7) })
        }
        #expect(throws: BinarySourceError(.outOfBounds, at: 99_991)) { try reader.read(at: 99_991, count: 10) }
        #expect(throws: BinarySourceError(.outOfBounds, at: .max)) { try reader.read(at: .max, count: 10) }
        #expect(truncate(path, 10) == 0)
        #expect(throws: BinarySourceError.self) { try reader.read(at: 50_000, count: 8000) }
        #expect(throws: BinarySourceError.self) { try reader.read(at: 90_000, count: 8) }
    }
}
