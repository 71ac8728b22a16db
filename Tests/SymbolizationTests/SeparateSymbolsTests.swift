import Foundation
import ObjectFiles
import TestRandomness
import Testing

@testable import Symbolization

/// A program, and what distributions make of it; all in a folder that goes with this object.
private final class StrippedProgram {
    let folder: String
    /// Address and name of each function, according to `nm` on the program as the compiler left it.
    let functions: [(address: UInt64, name: String)]

    /// - Parameter buildID: what the linker is told about the build id.
    init(buildID: String = "sha1") throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let source = (0..<40).map { index in
            """
            \(index % 4 == 0 ? "" : "static ")__attribute__((noinline)) int function\(index)(int x)
            { return x < \(index) ? x * \(index + 3) : x - \(index); }\n
            """
        }
        let calls = (0..<40).map { "function\($0)(n)" }.joined(separator: " + ")
        try (source.joined() + "int main(int n, char **v) { return \(calls); }\n")
            .write(toFile: folder + "/program.c", atomically: false, encoding: .utf8)
        // MiniDebugInfo as the manual of GDB has it, which is how Fedora's packages get it.
        let script = """
            set -e; cd '\(folder)'
            gcc -O1 -g -rdynamic -Wl,--build-id=\(buildID) -o full program.c
            objcopy --only-keep-debug full program.debug
            objcopy --strip-all full stripped
            objcopy --add-gnu-debuglink=program.debug stripped linked
            nm -D full --format=posix --defined-only | awk '{ print $1 }' | sort > exported
            nm full --format=posix --defined-only | awk '$2 ~ /[Tt]/ { print $1 }' | sort > all
            comm -13 exported all > kept
            objcopy -S --remove-section .comment --keep-symbols=kept program.debug mini
            xz -k mini
            objcopy --add-section .gnu_debugdata=mini.xz stripped packed
            """
        #expect(try run("/bin/sh", ["-c", script + "\necho done"]).hasSuffix("done\n"))
        functions = try run("/usr/bin/nm", [folder + "/full"]).split(separator: "\n").compactMap { line in
            let columns = line.split(separator: " ")
            guard columns.count == 3, columns[1] == "t" || columns[1] == "T",
                columns[2].hasPrefix("function") || columns[2] == "main", let address = UInt64(columns[0], radix: 16)
            else { return nil }
            return (address, String(columns[2]))
        }
        #expect(functions.count == 41)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    func file(_ name: String) throws -> ELFFile { try ELFFile(FileReader(path: folder + "/" + name)) }

    /// How many functions the table names rightly, at their first and inner bytes.
    func countOfNamed(by table: SymbolTable) -> Int {
        functions.count { function in
            [0, 3].allSatisfy { table.lookup(function.address + $0)?.frames.first?.systemName == function.name }
        }
    }

    /// Puts a file of the folder at a path below `root`, as a process in a container would see it at `path`.
    func install(_ name: String, at path: String) throws {
        let target = folder + "/root" + path
        try FileManager.default.createDirectory(
            atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: folder + "/" + name, toPath: target)
    }

    /// What the finder finds for a file of the folder that a process sees as `/opt/bin/program`.
    func debugFile(of name: String, onHost: Bool = false) throws -> ELFFile? {
        let present: DebugFileFinder.Open = { [folder] in try FileReader(path: folder + "/root" + $0) }
        let empty: DebugFileFinder.Open = { _ in throw BinarySourceError(.openFailed(errno: ENOENT)) }
        return DebugFileFinder().find(
            for: try file(name), path: "/opt/bin/program", openInProcess: onHost ? empty : present,
            openOnHost: onHost ? present : empty)
    }

    /// `/usr/lib/debug/.build-id/…` as readelf tells the id.
    func buildIDPath() throws -> String {
        let notes = try run("/usr/bin/readelf", ["-n", folder + "/full"])
        let line = try #require(notes.split(separator: "\n").first { $0.contains("Build ID:") })
        let id = try #require(line.split(separator: " ").last)
        return "/usr/lib/debug/.build-id/\(id.prefix(2))/\(id.dropFirst(2)).debug"
    }
}

@Suite struct SeparateSymbolsTests {
    @Test func strippedProgramShowsOnlyWhatItExports() throws {
        let program = try StrippedProgram()
        #expect(program.countOfNamed(by: try SymbolTable(program.file("stripped"))) == 11)
        #expect(program.countOfNamed(by: try SymbolTable(program.file("full"))) == 41)
    }

    @Test func miniDebugInfoNamesAllFunctions() throws {
        let program = try StrippedProgram()
        let table = try SymbolTable(program.file("packed"))
        #expect(program.countOfNamed(by: table) == 41)
        // The file itself has its own names; they are taken first, and the packed ones are not even read.
        let inner = try #require(MiniDebugInfo.read(program.file("packed")))
        #expect(inner.symbolTable() != nil)
        #expect(MiniDebugInfo.read(try program.file("full")) == nil)
    }

    @Test func debugFileByBuildID() throws {
        for onHost in [false, true] {
            let program = try StrippedProgram()
            #expect(try program.debugFile(of: "stripped", onHost: onHost) == nil)
            try program.install("program.debug", at: program.buildIDPath())
            let debugFile = try #require(try program.debugFile(of: "stripped", onHost: onHost))
            let table = try SymbolTable(program.file("stripped"), debugFile: debugFile)
            #expect(program.countOfNamed(by: table) == 41)
        }
    }

    @Test(arguments: ["/opt/bin", "/opt/bin/.debug", "/usr/lib/debug/opt/bin"])
    func debugFileByLink(folder: String) throws {
        for buildID in ["sha1", "none"] {
            let program = try StrippedProgram(buildID: buildID)
            #expect(try program.debugFile(of: "linked") == nil)
            try program.install("program.debug", at: folder + "/program.debug")
            #expect(try program.debugFile(of: "stripped") == nil, "no link")
            let debugFile = try #require(try program.debugFile(of: "linked"))
            #expect(program.countOfNamed(by: try SymbolTable(program.file("linked"), debugFile: debugFile)) == 41)
            // On the host only what is installed there for this purpose.
            #expect((try program.debugFile(of: "linked", onHost: true) != nil) == folder.hasPrefix("/usr"))
        }
    }

    /// What has another build id, or another CRC where there is no id, is another program's; what is not a file, or has
    /// no symbols, is passed over.
    @Test func otherFilesAreRefused() throws {
        let program = try StrippedProgram()
        let other = try StrippedProgram(buildID: "0x0123456789abcdef")
        try FileManager.default.copyItem(
            atPath: other.folder + "/program.debug", toPath: program.folder + "/other.debug")
        try program.install("other.debug", at: program.buildIDPath())
        try program.install("other.debug", at: "/opt/bin/program.debug")
        #expect(try program.debugFile(of: "linked") == nil)
        try program.install("program.debug", at: "/opt/bin/.debug/program.debug")
        #expect(try program.debugFile(of: "linked") != nil)

        let withoutID = try StrippedProgram(buildID: "none")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: withoutID.folder + "/program.debug"))
        bytes.append(0)
        try bytes.write(to: URL(fileURLWithPath: withoutID.folder + "/program.debug"))
        try withoutID.install("program.debug", at: "/opt/bin/program.debug")
        #expect(try withoutID.debugFile(of: "linked") == nil, "CRC")

        let traps = try StrippedProgram()
        try traps.install("stripped", at: "/opt/bin/program.debug")
        try FileManager.default.createDirectory(
            atPath: traps.folder + "/root/opt/bin/.debug", withIntermediateDirectories: true)
        #expect(mkfifo(traps.folder + "/root/opt/bin/.debug/program.debug", 0o600) == 0)
        #expect(try traps.debugFile(of: "linked") == nil)
    }

    @Test func linksAgreeWithReadelf() throws {
        let program = try StrippedProgram()
        let link = try #require(program.file("linked").debugLink())
        let text = try run("/usr/bin/readelf", ["--string-dump=.gnu_debuglink", program.folder + "/linked"])
        #expect(text.contains(link.fileName))
        let tool = "import sys, zlib; print(zlib.crc32(open(sys.argv[1], 'rb').read()))"
        let crc = try run("/usr/bin/python3", ["-c", tool, program.folder + "/program.debug"])
        #expect(crc == "\(link.crc32)\n")
        #expect(try CRC32.of(FileReader(path: program.folder + "/program.debug")) == link.crc32)
    }

    /// Damaged links and packed symbols give no names or wrong ones, never a trap.
    @Test func damagedFilesNeverTrap() throws {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("separate symbols mutation seed: \(seed)")
        var random = SplitMix64(seed: seed)
        let program = try StrippedProgram()
        for (name, section) in [("linked", ".gnu_debuglink"), ("packed", ".gnu_debugdata"), ("mini", ".symtab")] {
            let original = try [UInt8](Data(contentsOf: URL(fileURLWithPath: program.folder + "/" + name)))
            let place = try #require(program.file(name).section(section))
            let headers = original.count - 64 * (try program.file(name).sections.count)
            for _ in 0..<300 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    let range =
                        Int.random(in: 0..<4, using: &random) == 0
                        ? headers..<original.count : Int(place.offset)..<Int(place.offset + place.size)
                    bytes[Int.random(in: range, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                guard let file = try? ELFFile(MemorySource(bytes)) else { continue }
                if let link = file.debugLink() { #expect(!link.fileName.contains("/")) }
                let stripped = try program.file("stripped")
                for table in [try? SymbolTable(file), try? SymbolTable(stripped, debugFile: file)] {
                    for function in program.functions { _ = table?.lookup(function.address) }
                }
            }
        }
    }
}
