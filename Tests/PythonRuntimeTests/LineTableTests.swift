import Foundation
import LiveSupport
import Testing

@testable import PythonRuntime

/// Line tables against the Python that made them: what its own tracebacks would say for each instruction.
@Suite struct LineTableTests {
    /// Prints, for each code object of a module with all kinds of statements: version, first line, table, and for each
    /// instruction's unit (byte, until 3.9) its line, or -1.
    private static let script = """
        import dis, sys
        source = open(sys.argv[1], encoding="utf-8").read()
        def visit(code):
            table = code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab
            lines = {}
            if sys.version_info >= (3, 10):
                for start, end, line in code.co_lines():
                    for offset in range(start, end, 2):
                        lines[offset // 2] = -1 if line is None else line
            else:
                starts = dict(dis.findlinestarts(code))
                line = code.co_firstlineno
                for instruction in dis.get_instructions(code):
                    line = starts.get(instruction.offset, line)
                    lines[instruction.offset] = line
            pairs = ",".join(f"{unit}:{line}" for unit, line in lines.items())
            print(sys.version_info[1], code.co_firstlineno, table.hex() or "-", pairs or "-")
            for constant in code.co_consts:
                if hasattr(constant, "co_code"):
                    visit(constant)
        visit(compile(source, "module", "exec"))
        """

    private static let pythons: [(name: String, command: [String])] = {
        var found = [(name: "python3", command: ["/usr/bin/python3"])]
        for name in ["python3.9", "python3.11", "python3.13", "python3.14", "python3.15"] {
            if let command = TestBed.command(runtime: name, [name]) { found.append((name, command)) }
        }
        return found
    }()

    @Test(.enabled(if: try Live.has(.path("/usr/bin/python3"))), arguments: pythons.map(\.name))
    func everyInstructionHasTheLineThatPythonSays(_ name: String) async throws {
        let python = try #require(Self.pythons.first { $0.name == name })
        // The standard library's own, with comprehensions, nested functions, decorators, try and with.
        let folder = try TemporaryFolder()
        let library = try await Command.run(
            python.command + ["-c", "import argparse; print(open(argparse.__file__, encoding='utf-8').read())"],
            includingStandardError: false)
        try library.write(toFile: folder.path(of: "module.py"), atomically: true, encoding: .utf8)
        try Self.script.write(toFile: folder.path(of: "script.py"), atomically: true, encoding: .utf8)
        let output = try await Command.run(
            python.command + ["script.py", "module.py"], includingStandardError: false, folder: folder.path)
        var checked = 0
        for row in output.split(separator: "\n") {
            let fields = row.split(separator: " ")
            guard fields.count == 4, let minor = Int(fields[0]), let first = Int(fields[1]) else { continue }
            let table = PythonLineTable(PythonVersion(major: 3, minor: minor))
            let bytes = Self.bytes(fields[2])
            for pair in fields[3].split(separator: ",") {
                let parts = pair.split(separator: ":")
                guard parts.count == 2, let unit = Int(parts[0]), let line = Int(parts[1]) else { continue }
                let found = table.line(of: unit, in: bytes).map { first + $0 } ?? -1
                #expect(found == line, "unit \(unit) of a function at line \(first)")
                checked += 1
            }
        }
        #expect(checked > 5000)
    }

    /// No table, however broken, takes more than its bytes.
    @Test(arguments: [9, 10, 11]) func anyBytesAreSafe(_ minor: Int) {
        var random = SystemRandomNumberGenerator()
        let table = PythonLineTable(PythonVersion(major: 3, minor: minor))
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            for instruction in [-1, 0, 5, 1 << 40, .max] { _ = table.line(of: instruction, in: bytes) }
        }
    }

    private static func bytes(_ text: Substring) -> [UInt8] {
        guard text != "-" else { return [] }
        let digits = Array(text.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).map { index in
            UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) ?? 0
        }
    }
}
