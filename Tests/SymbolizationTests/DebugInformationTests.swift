import Foundation
import ObjectFiles
import Testing

@testable import Symbolization

/// Functions, inlined ones among them, files, lines and columns by DWARF, at thousands of addresses of each program.
@Suite struct DebugInformationTests {
    /// How far answers agree with another tool's.
    private struct Agreement: CustomStringConvertible {
        var addresses = 0
        var withInlined = 0
        var same = 0
        var differences: [String] = []

        var description: String { "\(same) of \(addresses), \(withInlined) with inlined functions" }
        var share: Double { addresses == 0 ? 0 : Double(same) / Double(addresses) }

        mutating func add(_ address: UInt64, told: [ToldFrame], ours: [ToldFrame], isSame: Bool) {
            addresses += 1
            if told.count > 1 { withInlined += 1 }
            if isSame { same += 1 } else { differences.append("\(String(address, radix: 16)): \(told) not \(ours)") }
        }
    }

    /// Every third address of the code, fewer of large programs, and the frames of each.
    private static func frames(_ path: String) throws -> (addresses: [UInt64], frames: [[ToldFrame]]) {
        let reader = try FileReader(path: path)
        let text = try #require(ELFFile(reader).section(".text"))
        let step = max(3, text.size / 20_000 | 1)
        let addresses = Array(stride(from: text.address, to: text.address + text.size, by: Int(step)))
        let symbolizer = Symbolizer()
        let frames = addresses.map { address in
            symbolizer.symbolize(FileID(high: 1, low: 1), at: .instruction(address)) { reader }?.frames ?? []
        }
        return (
            addresses,
            frames.map { frames in
                frames.map { frame in
                    ToldFrame(
                        name: plain(frame.systemName), file: normalized(frame.fileName), line: frame.line,
                        column: frame.column)
                }
            }
        )
    }

    /// A function's name for people: copies of constructors, which often are one, have several symbols; GCC writes
    /// the cold part of a function as one of its own in DWARF 2.
    private static func plain(_ name: String) -> String {
        let name = Demangler.demangle(name).name
        return name.hasPrefix("__second_sect_of_") ? String(name.dropFirst(17)) : name
    }

    private static func withProgram(_ program: SourceProgram, _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(try program.build(in: folder))
    }

    @Test(
        .enabled(if: SourceProgram.tool("llvm-symbolizer") != nil, "no llvm-symbolizer"),
        arguments: SourceProgram.all)
    func agreesWithLLVM(_ program: SourceProgram) throws {
        try Self.withProgram(program) { path in
            let (addresses, ours) = try Self.frames(path)
            let theirs = try llvmFrames(path, addresses)
            try #require(theirs.count == addresses.count)
            var agreement = Agreement()
            for (index, told) in theirs.enumerated() {
                // Code without debugging information, such as the C library's start, and padding between functions.
                guard let first = told.first, !first.file.isEmpty || told.count > 1, !first.name.isEmpty else {
                    continue
                }
                let isSame =
                    told.count == ours[index].count
                    && zip(told, ours[index]).enumerated().allSatisfy { position, pair in
                        var told = pair.0
                        (told.name, told.file) = (Self.plain(told.name), normalized(told.file))
                        // Code that no line stands for: it says line 0, we the line before it in the same function.
                        if told.line == 0, position == 0 { told = pair.1 }
                        return told == pair.1
                    }
                agreement.add(addresses[index], told: told, ours: ours[index], isSame: isSame)
            }
            print("llvm-symbolizer, \(program): \(agreement)")
            #expect(agreement.addresses > 50)
            // Equal functions that a linker, or Rust's compiler, made one have several names.
            #expect(agreement.share > 0.995, "\(agreement): \(agreement.differences.prefix(5))")
        }
    }

    /// Not where addr2line of binutils 2.40 itself is lost: 64-bit DWARF, the older form of compression, DWARF 2 and 3
    /// by today's compilers, files of unoptimised code in DWARF 5.
    private static let binutilsPrograms = SourceProgram.all.filter { program in
        ["gcc", "g++"].contains(program.compiler)
            && !["-gdwarf64", "-gz=zlib-gnu", "-gdwarf-2", "-gdwarf-3", "-O0"].contains { program.flags.contains($0) }
    }

    @Test(arguments: binutilsPrograms)
    func agreesWithBinutils(_ program: SourceProgram) throws {
        try Self.withProgram(program) { path in
            let (addresses, ours) = try Self.frames(path)
            let theirs = try binutilsFrames(path, addresses)
            try #require(theirs.count == addresses.count)
            var agreement = Agreement()
            for (index, told) in theirs.enumerated() {
                guard let last = told.last, last.line != 0 else { continue }
                let isSame =
                    told.count == ours[index].count
                    && zip(told, ours[index]).allSatisfy { told, our in
                        // It has the short name where there is no linkage name.
                        (Self.plain(told.name) == our.name || our.name.contains("::"))
                            && normalized(told.file) == our.file && told.line == our.line
                    }
                agreement.add(addresses[index], told: told, ours: ours[index], isSame: isSame)
            }
            print("addr2line, \(program): \(agreement)")
            #expect(agreement.addresses > 50)
            // It misses some of the functions that were inlined into the cold part of another, or by the linker.
            #expect(agreement.share > 0.98, "\(agreement): \(agreement.differences.prefix(5))")
        }
    }
}
