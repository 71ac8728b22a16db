import CBPFInterface
import ObjectFiles

/// A stopped thread as a debugger wrote it down, of any architecture: the lines of a case up to its stack, and its
/// executable mappings as
///
///     file START END OFFSET PATH          hexadecimal; the file at PATH is read
public struct ProcessDump {
    private var thread: UnwindCase
    private var files: [(start: UInt64, end: UInt64, offset: UInt64, path: String)] = []

    /// Reads a dump from its text.
    public init(parsing text: String) throws(UnwindCaseError) {
        var own: [Substring] = []
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            guard line.hasPrefix("file ") else {
                own.append(line)
                continue
            }
            own.append("")
            guard files.count < UnwindCase.maximumElements else {
                throw UnwindCaseError(line: number, problem: "too many files")
            }
            var words = LineWords(line, line: number)
            _ = try words.word("the keyword")
            let start = try words.hex("the start"), end = try words.hex("the end"), offset = try words.hex("the offset")
            files.append((start, end, offset, words.remainder()))
        }
        thread = try UnwindCase.parse(own.joined(separator: "\n") + "\nstop none\n")
    }

    /// Makes the case, with the tables of the files that the dump names.
    public func build() throws -> UnwindCase {
        let sources = try files.sorted { $0.start < $1.start }.map { file in
            CaseBuilder.Source(
                start: file.start, end: file.end, fileOffset: file.offset, kind: UInt8(MAPPING_FILE.rawValue),
                name: file.path.split(separator: "/").last.map(String.init) ?? file.path,
                file: try ELFFile(FileReader(path: file.path)))
        }
        let builder = CaseBuilder(
            architecture: thread.architecture, pointerMask: thread.pointerMask, sources: sources)
        return try builder.build(
            registers: thread.registers, stackStart: thread.stackStart, stack: thread.stack,
            traceFlags: thread.traceFlags, comment: thread.comment)
    }
}
