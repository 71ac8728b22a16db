import Foundation
import LiveSupport
import ObjectFiles
import TestRandomness
import Testing

@testable import Symbolization

private struct GoFunction {
    var address: UInt64
    var size: UInt64
    var name: String
}

/// A program built in several ways by one tool chain.
private final class GoProgram {
    let go: String
    let folder: String

    init(go: String) throws {
        self.go = go
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try """
        package main

        import (
            "fmt"
            "os"
            "sort"
        )

        type shape interface{ area() int }
        type square struct{ side int }

        func (s *square) area() int { return s.side * s.side }

        // A name that looks like a compiler's suffix.
        //go:noinline
        func (s *square) cold() int { return inner(s.side) }

        //go:noinline
        func inner(n int) int { return n * 3 }

        func main() {
            shapes := []shape{&square{1}, &square{len(os.Args)}}
            sort.Slice(shapes, func(i, j int) bool { return shapes[i].area() < shapes[j].area() })
            total := shapes[0].area() + (&square{len(shapes)}).cold()
            defer func() { fmt.Println(total) }()
        }
        """.write(toFile: folder + "/main.go", atomically: false, encoding: .utf8)
        try "module program\n\ngo 1.13\n".write(toFile: folder + "/go.mod", atomically: false, encoding: .utf8)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    func path(_ name: String) -> String { folder + "/" + name }

    func build(_ options: String, as name: String) throws {
        let text = try run(
            "/bin/sh",
            [
                "-c",
                """
                cd '\(folder)' && GOFLAGS= GOTOOLCHAIN=local GO111MODULE=on \
                CGO_ENABLED=\(options.contains("external") ? 1 : 0) \
                '\(go)' build -o \(name) \(options) . 2>&1 && echo built
                """,
            ])
        #expect(text.hasSuffix("built\n"), "\(go): \(text)")
    }

    /// The functions that Go compiled, without those that a linker of C added.
    func functions(_ name: String) throws -> [GoFunction] {
        let output = try run(go, ["tool", "nm", "-size", "-sort", "address", path(name)])
        let all = output.split(separator: "\n").compactMap { line -> GoFunction? in
            let columns = line.split(separator: " ", maxSplits: 3)
            guard columns.count == 4, columns[2] == "t" || columns[2] == "T",
                let address = UInt64(columns[0], radix: 16), let size = UInt64(columns[1])
            else { return nil }
            return GoFunction(address: address, size: size, name: columns[3].trimmingCharacters(in: .whitespaces))
        }
        let start = try #require(all.first { $0.name == "runtime.text" }).address
        let end = try #require(all.first { $0.name == "runtime.etext" }).address
        return all.filter { $0.size > 0 && $0.address >= start && $0.address < end }
    }
}

/// A function's name as the tables of Go have it: without the arguments of generic functions, and without the suffix
/// by which the linker tells the two calling conventions apart.
private func plain(_ name: String) -> String {
    let name = name.hasSuffix(".abi0") ? String(name.dropLast(5)) : name
    guard let open = name.firstIndex(of: "["), let close = name.lastIndex(of: "]"), open < close else { return name }
    return name[..<open] + "[...]" + name[name.index(after: close)...]
}

@Suite(.enabled(if: !GoToolChain.all.isEmpty, "no Go tool chain in /usr/lib/go-*, /usr/local/go or OTELCOL_TEST_GO"))
struct GoFunctionTableTests {
    /// Names of all functions against `go tool nm`, names and lines within them against `go tool addr2line`; the
    /// same from files without symbols and without section headers.
    @Test(arguments: GoToolChain.all, ["exe", "pie", "pie -ldflags=-linkmode=external"])
    func agreesWithGoTools(go: String, mode: String) throws {
        let program = try GoProgram(go: go)
        try program.build("-buildmode=\(mode)", as: "full")
        let functions = try program.functions("full")
        #expect(functions.count > 1000)
        let addresses = functions.flatMap { [$0.address, $0.address + $0.size / 2, $0.address + $0.size - 1] }
        let input = addresses.map { "0x" + String($0, radix: 16) }.joined(separator: "\n") + "\n"
        let lines = try run(go, ["tool", "addr2line", program.path("full")], input: input).split(separator: "\n")
        try #require(lines.count == addresses.count * 2)
        // Go 1.19 does not find the table of its own position-independent programs.
        let isTold = lines.contains { $0.hasPrefix("main.inner") }
        #expect(isTold || mode.hasPrefix("pie"))

        _ = try run("/usr/bin/objcopy", ["--strip-all", program.path("full"), program.path("stripped")])
        var headless = try [UInt8](Data(contentsOf: URL(fileURLWithPath: program.path("full"))))
        for range in [40..<48, 60..<64] { for position in range { headless[position] = 0 } }
        let files = try [
            "full": ELFFile(FileReader(path: program.path("full"))),
            "stripped": ELFFile(FileReader(path: program.path("stripped"))),
            "without sections": ELFFile(MemorySource(headless)),
        ]
        #expect(files["stripped"]?.symbolTable() == nil && files["without sections"]?.sections.isEmpty == true)
        for (kind, file) in files {
            let table = try #require(GoFunctionTable(file), "\(kind), \(mode), \(go)")
            var differences: [String] = []
            for function in functions {
                let match = table.lookup(function.address)
                if match?.frames.last.map({ plain($0.systemName) }) != plain(function.name)
                    || match?.functionStart != function.address
                {
                    differences.append("\(function.name), not \(match?.frames.last?.systemName ?? "-")")
                }
            }
            for (index, address) in addresses.enumerated() where isTold {
                // It tells the function that holds the code, and the place in the function inlined there.
                guard let frames = table.lookup(address)?.frames, let frame = frames.first,
                    let name = frames.last?.systemName
                else { continue }
                let place = "\(frame.fileName):\(frame.line)"
                if name != lines[2 * index] || (place != lines[2 * index + 1] && frame.line != 0) {
                    differences.append("\(lines[2 * index]) \(lines[2 * index + 1]), not \(name) \(place)")
                }
            }
            #expect(differences.count == 0, "\(kind), \(mode), \(go): \(differences.prefix(10))")
            let inner = try #require(functions.first { $0.name == "main.inner" })
            let found = try #require(table.lookup(inner.address)?.frames.first)
            #expect(found.fileName.hasSuffix("/main.go") && found.line == 19)
            #expect(table.lookup(0) == nil && table.lookup(.max) == nil)
        }
    }

    /// What `-ldflags="-s -w"` leaves out is found all the same, and names of Go are shown as they are.
    @Test(arguments: GoToolChain.all)
    func symbolizerNamesStrippedPrograms(go: String) throws {
        let program = try GoProgram(go: go)
        try program.build("", as: "full")
        try program.build("-ldflags='-s -w'", as: "small")
        let reader = try FileReader(path: program.path("small"))
        #expect(try ELFFile(reader).symbolTable() == nil)
        let symbolizer = Symbolizer()
        for function in try program.functions("full") where function.name.hasPrefix("main.") {
            let found = symbolizer.symbolize(
                FileID(high: 1, low: 1), at: .returnAddress(function.address + function.size), open: { reader })
            #expect(found?.frames.last?.functionName == function.name)
            #expect(found?.frames.last?.fileName.hasSuffix("/main.go") ?? false || function.name.contains("area"))
        }
        #expect(try program.functions("full").contains { $0.name == "main.(*square).cold" })
    }

    /// Go 1.16 and 1.17 had the tables of today with absolute addresses: the same table, written in their way, says
    /// the same.
    @Test(arguments: GoToolChain.all.suffix(1))
    func layoutOfGo1_16(go: String) throws {
        let program = try GoProgram(go: go)
        try program.build("", as: "full")
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: program.path("full"))))
        let file = try ELFFile(MemorySource(bytes))
        let table = try #require(GoFunctionTable(file))
        let old = table.header
        try #require(old.addressBytes == 4)
        func little(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        func number(_ offset: UInt64) -> UInt64 {
            bytes[Int(old.start + offset)..<Int(old.start + offset + 4)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let shift = old.names - 64
        var new = Array(little(UInt64(0xffff_fffa) | 1 << 48 | 8 << 56)) + little(old.functionCount) + little(0)
        for offset in [old.names, old.fileOffsets, old.files, old.values, old.functions] {
            new += little(offset - shift)
        }
        new += bytes[Int(old.start + old.names)..<Int(old.start + old.functions)]
        var records: [UInt8] = []
        for index in 0..<old.functionCount {
            let start = little(old.textStart + number(old.functions + index * 8))
            new += start + little(old.functionCount * 16 + 8 + UInt64(records.count))
            let record = old.start + old.records + number(old.functions + index * 8 + 4)
            // Without the lists that follow a record, of which the seventh number tells how many there are.
            records += start + bytes[Int(record + 4)..<Int(record + 28)] + [0, 0, 0, 0]
            records += bytes[Int(record + 32)..<Int(record + 40)]
        }
        new += little(old.textStart + number(old.functions + old.functionCount * 8)) + records

        let section = try #require(file.sections.firstIndex { $0.name == ".gopclntab" })
        let headers = bytes[40..<48].reversed().reduce(0) { $0 << 8 | Int($1) } + 64 * section
        let place = little(UInt64(bytes.count)) + little(UInt64(new.count))
        bytes.replaceSubrange((headers + 24)..<(headers + 40), with: place)
        let converted = try #require(GoFunctionTable(ELFFile(MemorySource(bytes + new))))
        #expect(converted.header.layout == .go1_16)
        for function in try program.functions("full") {
            for address in [function.address, function.address + function.size / 2] {
                let (left, right) = (table.lookup(address), converted.lookup(address))
                #expect(left?.functionStart == right?.functionStart)
                #expect(left?.frames.last?.systemName == right?.frames.last?.systemName)
                #expect(right?.frames.count ?? 1 == 1)
                #expect(left?.frames.first?.line == right?.frames.first?.line)
                #expect(left?.frames.first?.fileName == right?.frames.first?.fileName)
            }
        }
    }

    /// Damaged tables give wrong names or none, never a trap.
    @Test(arguments: GoToolChain.all)
    func damagedTablesNeverTrap(go: String) throws {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("Go table mutation seed: \(seed)")
        var random = SplitMix64(seed: seed)
        let program = try GoProgram(go: go)
        try program.build("", as: "full")
        let original = try [UInt8](Data(contentsOf: URL(fileURLWithPath: program.path("full"))))
        let file = try ELFFile(MemorySource(original))
        let section = try #require(file.section(".gopclntab"))
        let functions = try program.functions("full")
        let header = try #require(GoFunctionTable(file)).header
        let list = Int(section.offset + header.functions)
        let targets = [
            Int(section.offset)..<(Int(section.offset) + 72), list..<(list + 64),
            (list + 4000)..<(list + 40000), Int(section.offset)..<Int(section.offset + section.size),
        ]
        var accepted = 0
        for _ in 0..<150 {
            var bytes = original
            let target = targets.randomElement(using: &random) ?? targets[0]
            for _ in 0..<Int.random(in: 1...(target.count > 100 ? 2000 : 3), using: &random) {
                bytes[Int.random(in: target, using: &random)] =
                    Bool.random(using: &random) ? 0xff : UInt8.random(in: 0...255, using: &random)
            }
            if Int.random(in: 0..<8, using: &random) == 0 { bytes = Array(bytes.prefix(list + 30_000)) }
            guard let damaged = try? ELFFile(MemorySource(bytes)), let table = GoFunctionTable(damaged) else {
                continue
            }
            accepted += 1
            for function in functions.shuffled(using: &random).prefix(60) {
                _ = table.lookup(function.address + function.size / 2)
            }
            for address in [0, 1, header.textStart, .max] { _ = table.lookup(address) }
        }
        #expect(accepted > 30)
    }

    @Test func otherProgramsHaveNone() throws {
        #expect(GoFunctionTable(try ELFFile(FileReader(path: "/bin/ls"))) == nil)
    }
}

/// Functions inlined by Go's compiler, as its own debugging information has them.
@Suite(.enabled(if: !GoToolChain.all.isEmpty, "no Go tool chain in /usr/lib/go-*, /usr/local/go or OTELCOL_TEST_GO"))
struct GoInlinedFunctionTests {
    @Test(
        .enabled(if: SourceProgram.tool("llvm-symbolizer") != nil, "no llvm-symbolizer"),
        arguments: GoToolChain.all, ["exe", "pie", "pie -ldflags=-linkmode=external"])
    func agreesWithDebuggingInformation(go: String, mode: String) throws {
        let program = try GoProgram(go: go)
        try program.build("-buildmode=\(mode)", as: "full")
        _ = try run("/usr/bin/objcopy", ["--strip-all", program.path("full"), program.path("stripped")])
        let table = try #require(GoFunctionTable(ELFFile(FileReader(path: program.path("stripped")))))
        let functions = try program.functions("full")
        let end = try #require(functions.last.map { $0.address + $0.size })
        let step = Int((end - functions[0].address) / 30_000 | 1)
        let addresses = Array(stride(from: functions[0].address, to: end, by: step))
        let told = try llvmFrames(program.path("full"), addresses)
        try #require(told.count == addresses.count)
        var (count, inlined, same) = (0, 0, 0)
        var differences: [String] = []
        for (address, frames) in zip(addresses, told) where frames.first.map({ $0.line != 0 }) ?? false {
            guard let ours = table.lookup(address)?.frames else { continue }
            // Padding between functions: of the one before for Go, of none for debugging information.
            count += 1
            if frames.count > 1 { inlined += 1 }
            let isSame =
                frames.count == ours.count
                && zip(frames, ours).allSatisfy { told, our in
                    plain(told.name) == plain(our.systemName) && normalized(told.file) == our.fileName
                        && told.line == our.line
                }
            if isSame {
                same += 1
            } else {
                let own = ours.map { "\($0.systemName) \($0.fileName):\($0.line)" }
                differences.append("\(String(address, radix: 16)): \(frames) not \(own)")
            }
        }
        print("Go, \(go) \(mode): \(same) of \(count) (\(inlined) with inlined functions)")
        #expect(count > 1000 && inlined > 100)
        #expect(Double(same) / Double(max(1, count)) > 0.99, "\(differences.prefix(8))")
    }
}
