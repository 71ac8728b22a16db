import Foundation
import ObjectFiles
import Testing

@testable import Symbolization

/// Names of real binaries, against the tools of others.
@Suite struct DemanglerToolsTests {
    /// The distinct system names of a file's functions, up to `limit` evenly spread ones.
    private func names(of path: String, limit: Int, where isWanted: (String) -> Bool) throws -> [String] {
        let table = try SymbolTable(ELFFile(FileReader(path: path)))
        let all = Set(
            table.entries.compactMap { entry in
                table.lookup(table.base + UInt64(entry.start))?.frames.first?.systemName
            }
        ).filter(isWanted).sorted()
        let step = max(1, all.count / limit)
        return stride(from: 0, to: all.count, by: step).map { all[$0] }
    }

    @Test func cxxAsCxxfilt() throws {
        let library = try #require(
            ["/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/aarch64-linux-gnu/libstdc++.so.6"]
                .first { FileManager.default.fileExists(atPath: $0) })
        // binutils writes out std::string and its like, and sets spaces and parentheses in its own way; names with
        // those abbreviations are left out.
        let names = try names(of: library, limit: 1500) { name in
            name.hasPrefix("_Z") && !name.contains(".")
                && !["Ss", "So", "Si", "Sd", "Sa", "Sb"].contains { name.contains($0) }
        }
        #expect(names.count > 300)
        let expected = try run("/usr/bin/c++filt", [], input: names.joined(separator: "\n") + "\n")
            .split(separator: "\n")
        try #require(expected.count == names.count)
        for (name, expected) in zip(names, expected) {
            let found = Demangler.demangle(name)
            #expect(found.language == .cxx)
            #expect(found.name.filter { !" ()".contains($0) } == expected.filter { !" ()".contains($0) })
        }
    }

    /// Names of D's own library: those kept with the tests, and all of it where it is installed.
    @Test func dAsCxxfilt() throws {
        let kept = try String(contentsOfFile: SourceProgram.folder + "/names.d.txt", encoding: .utf8)
        var names = kept.split(separator: "\n").map(String.init)
        #expect(names.count > 100)
        if let library = ["/usr/lib/gcc/x86_64-linux-gnu/12/libgphobos.so", "/usr/lib/x86_64-linux-gnu/libgphobos.so.3"]
            .first(where: { FileManager.default.fileExists(atPath: $0) })
        {
            names += try self.names(of: library, limit: 20_000) { $0.hasPrefix("_D") && !$0.contains(".") }
        }
        let expected = try run("/usr/bin/c++filt", ["--format=dlang"], input: names.joined(separator: "\n") + "\n")
            .split(separator: "\n")
        try #require(expected.count == names.count)
        var different: [String] = []
        for (name, expected) in zip(names, expected) where expected.utf8.count < Demangler.outputLimitBytes {
            let found = Demangler.demangle(name)
            // Not told which of the two are right where binutils leaves a name as it is.
            if expected != name, found.name != expected { different.append("\(name)\n  \(found.name)\n  \(expected)") }
        }
        #expect(different.isEmpty, "\(different.count) of \(names.count):\n\(different.prefix(8).joined(separator: "\n"))")
    }

    @Test func swiftAsSwiftDemangle() throws {
        let tool = try run("/usr/bin/env", ["which", "swift-demangle"]).split(separator: "\n").first
        let path = try #require(tool.map(String.init), "swift-demangle belongs to the toolchain that builds this")
        let names = try names(of: "/proc/self/exe", limit: 1500) { $0.hasPrefix("$s") && !$0.contains(".") }
        #expect(names.count > 300)
        let expected = try run(path, ["-compact", "-no-sugar"], input: names.joined(separator: "\n") + "\n")
            .split(separator: "\n")
        try #require(expected.count == names.count)
        var refused = 0
        for (name, expected) in zip(names, expected) where expected.utf8.count < Demangler.outputLimitBytes {
            let found = Demangler.demangle(name)
            // A few honest names look as if they stood for endless text.
            if found.language == .unknown, !SwiftManglingEstimate.allows(name) {
                refused += 1
                continue
            }
            #expect(found.language == .swift)
            #expect(found.name == expected)
        }
        #expect(refused * 500 <= names.count)
    }

    /// Names that rustc 1.95 gave to a program with closures, trait objects, constants and generics, as libiberty
    /// writes them (`c++filt -s rust`) without hashes and types of constants.
    @Test func rustAsLibiberty() throws {
        for (name, expected) in rustNames {
            #expect(Demangler.demangle(name) == .init(name: expected, language: .rust))
        }
        let hashes = /\[[0-9a-f]{8,16}\]/
        let types = /: ([ui](8|16|32|64|128|size)|bool|char)\b/
        let shown = try run(
            "/usr/bin/c++filt", ["-s", "rust"], input: rustNames.map(\.0).joined(separator: "\n") + "\n")
        let lines = shown.split(separator: "\n").map {
            String($0).replacing(hashes, with: "").replacing(types, with: "")
        }
        #expect(lines == rustNames.map { $0.1.replacing(types, with: "") })
    }
}
