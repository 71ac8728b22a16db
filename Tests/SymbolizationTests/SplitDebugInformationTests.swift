import DWARF
import Foundation
import ObjectFiles
import Testing

@testable import Symbolization

/// Debugging information that is not in the executable: split units beside it or in a package, what dwz moved into a
/// file for several, separate debug files. It says the same as all of it in one file.
@Suite struct SplitDebugInformationTests {
    private final class Folder {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func shell(_ script: String) throws {
            let sources = SourceProgram.folder
            let text = try run("/bin/sh", ["-c", "set -e; S='\(sources)'; cd '\(path)'; { \(script)\n} 2>&1; echo done"])
            try #require(text.hasSuffix("done\n"), "\(text)")
        }

        /// Frames at every third address, found as for a process that sees the folder as it is.
        func frames(_ name: String) throws -> [[SymbolMatch.Frame]] {
            let reader = try FileReader(path: "\(path)/\(name)")
            let file = try ELFFile(reader)
            let open: DebugFileFinder.Open = { try FileReader(path: $0) }
            let files = DebugFileFinder().files(
                for: file, path: "\(path)/\(name)", openInProcess: open,
                openOnHost: { _ in throw BinarySourceError(.openFailed(errno: ENOENT)) })
            let source = try #require(DebugInformationSource(file, files: files, cache: DebugPartCache()))
            let text = try #require(file.section(".text"))
            return stride(from: text.address, to: text.address + text.size, by: 3).map { source.lookup($0)?.frames ?? [] }
        }
    }

    private static func texts(_ frames: [[SymbolMatch.Frame]]) -> [[String]] {
        frames.map { $0.map { "\($0.systemName) \($0.fileName):\($0.line):\($0.column) \($0.startLine)" } }
    }

    @Test(arguments: ["gcc", "clang"], ["4", "5"])
    func splitUnits(compiler: String, version: String) throws {
        guard SourceProgram.tool(compiler) != nil else { return }
        let folder = try Folder()
        let language = compiler == "gcc" ? "g++" : "clang++"
        try folder.shell(
            """
            \(language) -O2 -g -gdwarf-\(version) -c $S/inlined.cpp -o whole.o; \(compiler) -O2 -g -gdwarf-\(version) \
            -c $S/inlined.c -Dmain=other -o whole2.o; \(language) -o whole whole.o whole2.o
            \(language) -O2 -g -gdwarf-\(version) -gsplit-dwarf -fno-split-dwarf-inlining -c $S/inlined.cpp -o part.o || \
            \(language) -O2 -g -gdwarf-\(version) -gsplit-dwarf -c $S/inlined.cpp -o part.o
            \(compiler) -O2 -g -gdwarf-\(version) -gsplit-dwarf -c $S/inlined.c -Dmain=other -o part2.o
            \(language) -o split part.o part2.o
            """)
        let whole = Self.texts(try folder.frames("whole"))
        #expect(whole.filter { $0.count > 2 }.count > 300)
        let split = Self.texts(try folder.frames("split"))
        #expect(split == whole, "\(zip(split, whole).first { $0 != $1 }.map { "\($0)" } ?? "")")

        // The package has them all; the single files are gone.
        let tool = compiler == "gcc" && version == "4" ? "dwp" : "llvm-dwp"
        guard SourceProgram.tool(tool) != nil else { return }
        try folder.shell("\(tool) -e split -o split.dwp; rm *.dwo")
        let packed = Self.texts(try folder.frames("split"))
        #expect(packed == whole, "\(zip(packed, whole).first { $0 != $1 }.map { "\($0)" } ?? "")")
        try folder.shell("rm split.dwp")
        #expect(Self.texts(try folder.frames("split")).filter { $0.count > 2 }.count < 100)
    }

    @Test(
        .enabled(if: SourceProgram.tool("dwz") != nil && SourceProgram.tool("gcc") != nil, "no dwz"),
        arguments: ["4", "5"])
    func supplementaryFile(version: String) throws {
        let folder = try Folder()
        try folder.shell(
            """
            g++ -O2 -g -gdwarf-\(version) -Wl,--build-id $S/inlined.cpp -o whole
            for name in one two; do
                cp whole $name.full
                objcopy --only-keep-debug whole $name.debug
                objcopy --strip-all whole $name
                objcopy --add-gnu-debuglink=$name.debug $name
            done
            dwz -m common.debug -M common.debug one.debug two.debug
            readelf -S one.debug | grep -q gnu_debugaltlink
            """)
        let whole = Self.texts(try folder.frames("whole"))
        #expect(whole.filter { $0.count > 2 }.count > 300)
        for name in ["one", "two"] {
            let shared = Self.texts(try folder.frames(name))
            #expect(shared == whole, "\(zip(shared, whole).first { $0 != $1 }.map { "\($0)" } ?? "")")
        }
        // Without the file that both share most names are missing.
        try folder.shell("rm common.debug")
        #expect(Self.texts(try folder.frames("one")) != whole)
    }

    /// Sections compressed by zstd (ELFCOMPRESS_ZSTD), as today's distributions ship them, say what they said before.
    @Test(
        .enabled(if: SourceProgram.tool("objcopy") != nil && SourceProgram.tool("gcc") != nil, "no binutils"),
        arguments: ["4", "5"])
    func compressedByZstd(version: String) throws {
        let folder = try Folder()
        try folder.shell(
            """
            g++ -O2 -g -gdwarf-\(version) $S/inlined.cpp -o whole
            objcopy --compress-debug-sections=zstd whole packed
            """)
        let file = try ELFFile(FileReader(path: folder.path + "/packed"))
        let section = try #require(file.section(".debug_info"))
        // ch_type 2: the tool really used zstd.
        #expect(try file.source.read(at: section.offset, count: 1) == [2])
        let whole = Self.texts(try folder.frames("whole"))
        #expect(whole.filter { $0.count > 2 }.count > 300)
        #expect(Self.texts(try folder.frames("packed")) == whole)
    }
}
