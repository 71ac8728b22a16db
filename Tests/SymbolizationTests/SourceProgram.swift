import Foundation
import ObjectFiles
import Testing

/// A program with inlined functions, built with debugging information by one compiler in one way.
struct SourceProgram: CustomStringConvertible, Sendable {
    var source: String
    var compiler: String
    var flags: [String]

    var description: String { "\(source) by \(compiler) \(flags.joined(separator: " "))" }

    /// All ways that the tools of this machine can build.
    static let all: [SourceProgram] = {
        var programs: [SourceProgram] = []
        let versions = ["-gdwarf-4", "-gdwarf-5"]
        let sections = ["-ffunction-sections", "-Wl,--gc-sections"]
        for version in versions {
            for (source, compilers) in [("inlined.c", ["gcc", "clang"]), ("inlined.cpp", ["g++", "clang++"])] {
                for compiler in compilers {
                    programs.append(SourceProgram(source: source, compiler: compiler, flags: ["-O2", "-g", version]))
                    programs.append(
                        SourceProgram(source: source, compiler: compiler, flags: ["-O2", "-g", version] + sections))
                }
            }
            let swift = ["-O", "-g", "-dwarf-version=\(version.suffix(1))"]
            programs.append(SourceProgram(source: "inlined.swift", compiler: "swiftc", flags: swift))
            let rust = ["-O", "-g", "-C", "codegen-units=2", "-Z", "dwarf-version=\(version.suffix(1))"]
            programs.append(SourceProgram(source: "inlined.rs", compiler: "rustc", flags: rust))
        }
        programs += [
            SourceProgram(source: "inlined.c", compiler: "gcc", flags: ["-O2", "-g", "-gdwarf-2"]),
            SourceProgram(source: "inlined.c", compiler: "gcc", flags: ["-O2", "-g", "-gdwarf-3", "-gstrict-dwarf"]),
            SourceProgram(source: "inlined.cpp", compiler: "g++", flags: ["-O2", "-g", "-gdwarf64"]),
            SourceProgram(source: "inlined.cpp", compiler: "g++", flags: ["-O2", "-g", "-flto"]),
            SourceProgram(source: "inlined.cpp", compiler: "g++", flags: ["-O2", "-g", "-gz"]),
            SourceProgram(source: "inlined.cpp", compiler: "g++", flags: ["-O2", "-g", "-gz=zlib-gnu"]),
            SourceProgram(source: "inlined.cpp", compiler: "g++", flags: ["-O0", "-g", "-static"]),
            SourceProgram(source: "inlined.cpp", compiler: "clang++", flags: ["-O2", "-g", "-flto", "-fuse-ld=lld"]),
            SourceProgram(source: "inlined.cpp", compiler: "clang++", flags: ["-O2", "-gline-tables-only"]),
        ]
        return programs.filter { tool($0.compiler) != nil }
    }()

    static let folder = ((#filePath as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent("Programs")

    /// The path of a tool in PATH.
    static func tool(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Builds it as `program` in a folder.
    func build(in folder: URL) throws -> String {
        let output = folder.appendingPathComponent("program").path
        // rustc has the version of DWARF among its unstable options.
        var command = [compiler, "\(Self.folder)/\(source)", "-o", output] + flags
        if compiler == "rustc" { command = ["RUSTC_BOOTSTRAP=1"] + command }
        let text = try run("/usr/bin/env", command)
        try #require(FileManager.default.fileExists(atPath: output), "\(self): \(text)")
        return output
    }
}

/// A frame as another tool tells it.
struct ToldFrame: Hashable, CustomStringConvertible {
    var name: String
    var file: String
    var line: UInt32
    var column: UInt32

    var description: String { "\(name) \(file):\(line):\(column)" }
}

/// `llvm-symbolizer`: names as in the file, innermost first.
func llvmFrames(_ path: String, _ addresses: [UInt64], _ options: [String] = []) throws -> [[ToldFrame]] {
    struct Answer: Decodable {
        struct Symbol: Decodable {
            var FunctionName, FileName: String
            var Line, Column: UInt32
        }
        var Address: String
        var Symbol: [Symbol]?
    }
    let input = addresses.map { "0x" + String($0, radix: 16) }.joined(separator: "\n") + "\n"
    let output = try run(
        "/usr/bin/env",
        ["llvm-symbolizer", "--obj=\(path)", "--no-demangle", "--output-style=JSON"] + options, input: input)
    return try output.split(separator: "\n").map { line in
        try JSONDecoder().decode(Answer.self, from: Data(line.utf8)).Symbol?.map {
            ToldFrame(name: $0.FunctionName, file: $0.FileName, line: $0.Line, column: $0.Column)
        } ?? []
    }
}

/// `addr2line -i -f` of GNU binutils: without columns.
func binutilsFrames(_ path: String, _ addresses: [UInt64]) throws -> [[ToldFrame]] {
    let input = addresses.map { "0x" + String($0, radix: 16) }.joined(separator: "\n") + "\n"
    let output = try run("/usr/bin/addr2line", ["-a", "-i", "-f", "-e", path], input: input)
    var answers: [[ToldFrame]] = []
    var name: Substring?
    for line in output.split(separator: "\n", omittingEmptySubsequences: false) {
        if line.hasPrefix("0x"), name == nil {
            answers.append([])
        } else if let known = name {
            // "file:line (discriminator n)".
            let place = line.split(separator: " (discriminator")[0]
            let colon = place.lastIndex(of: ":") ?? place.endIndex
            let number = place[colon...].dropFirst()
            answers[answers.count - 1].append(
                ToldFrame(name: String(known), file: String(place[..<colon]), line: UInt32(number) ?? 0, column: 0))
            name = nil
        } else if !line.isEmpty {
            name = line
        }
    }
    return answers
}

/// A path without "." and "..".
func normalized(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
        if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
    }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
}
