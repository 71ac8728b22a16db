import CBPFInterface
import Glibc
import ObjectFiles
import Testing

@testable import Unwinding

/// Compares whole tables with what readelf makes of the same files, row by row.
@Suite(.enabled(if: ReadelfFrames.isAvailable, "readelf is not installed"))
struct ReadelfComparisonTests {
    private static let library = "/usr/lib/x86_64-linux-gnu/"

    /// Libraries with hand-written assembly, C++, Rust, many encodings; and whatever small ones are installed. With
    /// OTELCOL_EXHAUSTIVE set, all of them.
    private static let files: [String] = {
        var files = ["libc.so.6", "ld-linux-x86-64.so.2", "libm.so.6", "libgcc_s.so.1"].map { library + $0 }
        let isExhaustive = getenv("OTELCOL_EXHAUSTIVE") != nil
        for folder in [library, "/usr/bin/"] {
            guard let directory = opendir(folder) else { continue }
            defer { closedir(directory) }
            var names: [String] = []
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if folder == "/usr/bin/" || name.contains(".so") { names.append(name) }
            }
            var taken = 0
            for name in names.sorted() where !name.contains("'") && (isExhaustive || taken < 40) {
                let path = folder + name
                var status = stat()
                guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
                guard let file = try? ELFFile(FileReader(path: path)), let section = file.section(".eh_frame"),
                    isExhaustive || section.size < 24 << 10
                else { continue }
                files.append(path)
                taken += 1
            }
        }
        return files.filter { access($0, R_OK) == 0 }
    }()

    @Test func thereAreEnoughFiles() {
        #expect(Self.files.count >= 50)
    }

    @Test func tablesEqualReadelf() throws {
        var rows = 0
        for path in Self.files {
            rows += try compare(path, framePointer: "rbp", names: x86Names)
        }
        print("compared \(rows) rows of \(Self.files.count) files")
    }

    @Test(arguments: ["libc.so.6", "ld-linux-aarch64.so.1", "libm.so.6", "libresolv.so.2", "libthread_db.so.1"])
    func arm64TablesEqualReadelf(name: String) throws {
        let path = "/usr/aarch64-linux-gnu/lib/" + name
        // Part of the cross compiler's packages.
        guard access(path, R_OK) == 0 else { return }
        let rows = try compare(path, framePointer: "x29", names: (0..<31).map { "x\($0)" } + ["sp", "pc"])
        #expect(rows > 100)
    }

    /// Returns the number of rows compared.
    private func compare(_ path: String, framePointer: String, names: [String]) throws -> Int {
        let rules = RuleSet()
        let file = try ELFFile(FileReader(path: path))
        let table = try UnwindTable.load(from: file, into: rules)
        let all = rules.rules()
        let functions = ReadelfFrames(path: path, framePointer: framePointer).functions
        let code = file.executableSegments.map { $0.address..<($0.address + $0.fileSize) }
        var count = 0
        var problems = 0
        var coveredUntil: UInt64 = 0
        for function in functions.sorted(by: { $0.start < $1.start }) {
            if function.end <= function.start || !code.contains(where: { $0.contains(function.start) }) { continue }
            // Functions that overlap: the first one counts.
            if function.start < coveredUntil { continue }
            coveredUntil = max(coveredUntil, function.end)
            for (index, row) in function.rows.enumerated() where row.address < function.end {
                let next = index + 1 < function.rows.count ? function.rows[index + 1].address : function.end
                // readelf prints rows that the next one replaces at once.
                if next <= row.address { continue }
                for address in [row.address, next - 1] {
                    guard let number = table.rule(at: address) else {
                        Issue.record("\(path): no rule at 0x\(String(address, radix: 16))")
                        return count
                    }
                    let rule = all[Int(number)]
                    if function.isSignalFrame {
                        #expect(UInt32(rule.kind) == UNWIND_SIGNAL.rawValue)
                    } else if !agrees(rule, row, names) {
                        problems += 1
                        if problems < 5 {
                            Issue.record(
                                "\(path) at 0x\(String(address, radix: 16)): readelf has \(row), the table \(rule)")
                        }
                    }
                }
                count += 1
            }
        }
        let statistics = table.statistics.callFrames
        #expect(statistics.functions + statistics.discardedFunctions == functions.count, "\(path)")
        #expect(statistics.skippedFunctions == 0, "\(path)")
        #expect(!statistics.isTruncated, "\(path)")
        #expect(table.pages.allSatisfy { $0.rowCount <= Int(TABLE_MAX_ROWS_PER_PAGE) })
        return count
    }

    private func agrees(_ rule: unwind_rule, _ row: ReadelfFrames.Row, _ names: [String]) -> Bool {
        let isARM64 = names.count == 33
        switch unwind_kind(UInt32(rule.kind)) {
        case UNWIND_END_OF_STACK:
            // Undefined, or below the stack pointer.
            return row.returnAddress == "u" || row.cfa == "exp" || row.returnAddress.hasPrefix("c-")
        case UNWIND_SIGNAL:
            // Recognised by its code, or the byte before one.
            return true
        case UNWIND_PLT, UNWIND_INVALID, UNWIND_CFA_DEREFERENCED:
            return row.cfa == "exp" || row.returnAddress.hasSuffix("exp")
        case UNWIND_CFA:
            let cfa = names[Int(rule.cfa_register)] + signed(rule.cfa_offset)
            guard row.cfa == cfa || row.cfa == "exp" else { return false }
            switch unwind_return_address(UInt32(rule.return_address)) {
            case UNWIND_RA_ON_STACK:
                guard row.returnAddress == "c\(signed(rule.return_address_offset))" else { return false }
            default:
                let register = Int(rule.return_address_register)
                let isLinkRegister = isARM64 && register == Int(ARM64_LR)
                guard row.returnAddress.hasPrefix("r\(register)") || row.returnAddress == names[register]
                    || (isLinkRegister && ["u", "s"].contains(row.returnAddress))
                else { return false }
            }
            switch unwind_frame_pointer(UInt32(rule.frame_pointer)) {
            case UNWIND_FP_UNCHANGED: return ["u", "s"].contains(row.framePointer)
            case UNWIND_FP_ON_STACK:
                return row.framePointer == "c\(signed(rule.frame_pointer_offset))" || row.framePointer == "exp"
            case UNWIND_FP_FROM_FP: return row.framePointer == "exp"
            default: return !row.framePointer.hasPrefix("c") && row.framePointer != "s"
            }
        default:
            return false
        }
    }

    private func signed(_ offset: Int32) -> String { offset < 0 ? "\(offset)" : "+\(offset)" }

    private let x86Names = [
        "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
        "rip",
    ]
}
