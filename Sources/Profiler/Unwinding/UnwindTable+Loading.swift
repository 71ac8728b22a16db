import CBPFInterface
import DWARF
import ObjectFiles

extension UnwindTable {
    /// Fewer functions than these have call frame information in files whose compiler wrote none: they come from the
    /// C library's start files.
    private static let startFileFunctions = 8

    /// Makes the table of an executable, a shared library or a vDSO image.
    ///
    /// Reads `.eh_frame`, found by its section or, where sections are stripped, through PT_GNU_EH_FRAME; then
    /// `.debug_frame` if there was next to nothing. Code that neither covers follows, in this order: the entry stub
    /// and the procedure linkage table where they are recognised; frame pointers otherwise, because code without call
    /// frame information in practice is hand-written assembly that does not touch the frame pointer, or comes from
    /// compilers that keep it (Go, V8's builtins). Unwinding by frame pointers checks itself as it goes: the caller's
    /// frame must lie higher, its return address must be in a mapping. So a wrong guess ends a stack, which having no
    /// rule would do as well.
    ///
    /// A damaged file gives the table of what could be read. Blocking; call it from a thread that may wait for a disk.
    ///
    /// - Throws: only if the file's bytes could not be read.
    public static func load(from file: ELFFile, into rules: RuleSet) throws(BinarySourceError) -> UnwindTable {
        let architecture: CallFrameArchitecture =
            switch file.machine {
            case .x86_64: .x86_64
            case .aarch64: .arm64
            }
        var builder = UnwindTableBuilder(range: codeRange(of: file), architecture: architecture)
        var statistics = CallFrameStatistics()
        if let section = try CallFrameSection.exceptionFrames(of: file) {
            statistics = try addFunctions(section, file, architecture, &builder)
        }
        if statistics.functions < startFileFunctions, let section = CallFrameSection.debugFrames(of: file) {
            let debug = try addFunctions(section, file, architecture, &builder)
            statistics.functions += debug.functions
            statistics.skippedFunctions += debug.skippedFunctions
            statistics.discardedFunctions += debug.discardedFunctions
            statistics.isTruncated = statistics.isTruncated || debug.isTruncated
        }
        EntryStub.add(of: file, to: &builder)
        LinkageTable.add(of: file, architecture, to: &builder)
        var table = builder.finish(gapRule: .framePointer, into: rules)
        table.statistics.callFrames = statistics
        return table
    }

    /// From the first executable byte to the last; what linkers put in between is as good as code.
    private static func codeRange(of file: ELFFile) -> Range<UInt64> {
        var range: Range<UInt64> = 0..<0
        for segment in file.executableSegments.sorted(by: { $0.address < $1.address }) {
            let (end, overflow) = segment.address.addingReportingOverflow(segment.fileSize)
            if overflow || segment.fileSize == 0 { continue }
            if range.isEmpty {
                range = segment.address..<end
            } else if end > range.upperBound, end - range.lowerBound <= UnwindTableBuilder.rangeLimitBytes {
                range = range.lowerBound..<end
            }
        }
        return range
    }

    private static func addFunctions(
        _ section: CallFrameSection, _ file: ELFFile, _ architecture: CallFrameArchitecture,
        _ builder: inout UnwindTableBuilder
    ) throws(BinarySourceError) -> CallFrameStatistics {
        let trampoline = SignalTrampoline(architecture)
        var reader = CallFrameReader(section, architecture: architecture, source: file.source)
        while let function = try reader.next(), !builder.limitExceeded {
            if function.isSignalFrame || trampoline.matches(function, file) {
                // The handler returns to the trampoline's first instruction. Its address counts as a return address,
                // and is looked up one byte before.
                builder.add(.signal, (function.start - 1)..<function.end, .certain)
                continue
            }
            reader.withRows { builder.add($0, function.start..<function.end, .callFrames) }
        }
        return reader.statistics
    }
}

extension CallFrameSection {
    /// `.eh_frame` of a file, if it has one.
    static func exceptionFrames(of file: ELFFile) throws(BinarySourceError) -> CallFrameSection? {
        let text = file.section(".text")?.address
        if let section = file.section(".eh_frame"), section.type != ELFSection.noBits, !section.isCompressed,
            section.size > 0
        {
            return CallFrameSection(
                format: .exceptionFrames, address: section.address, sourceOffset: section.offset, size: section.size,
                textAddress: text, dataAddress: file.section(".got")?.address)
        }
        guard let segment = file.segment(ELFSegment.ehFrameHeader),
            let header = try ExceptionFrameHeader.read(
                address: segment.address, sourceOffset: segment.offset, size: segment.fileSize, source: file.source),
            let place = file.fileRange(ofAddress: header.framesAddress)
        else { return nil }
        return CallFrameSection(
            format: .exceptionFrames, address: header.framesAddress, sourceOffset: place.offset, size: place.count,
            lastRecordOffset: header.lastFunctionRecordAddress.map { $0 - header.framesAddress },
            endsAtTerminator: true, textAddress: text)
    }

    /// `.debug_frame` of a file, if it has one that can be read as it is.
    static func debugFrames(of file: ELFFile) -> CallFrameSection? {
        // Go's own call frame information does not tell how its stacks grow; its code keeps frame pointers.
        if file.section(".gopclntab") != nil || file.section(".data.rel.ro.gopclntab") != nil { return nil }
        guard let section = file.section(".debug_frame"), section.type != ELFSection.noBits, !section.isCompressed,
            section.size > 0
        else { return nil }
        return CallFrameSection(
            format: .debugFrames, address: section.address, sourceOffset: section.offset, size: section.size)
    }
}
