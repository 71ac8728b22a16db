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
    /// `.debug_frame` if there was next to nothing; and Go's own tables, see `GoFrames`. Code that none of these covers
    /// follows, in this order: the entry stub, the procedure linkage table, `_init` and `_fini` where they are
    /// recognised; what its instructions tell, on x86_64 (`CodeSweep`); frame pointers otherwise, because such code in
    /// practice comes from compilers that keep them (V8's builtins). Unwinding by frame pointers checks itself as it
    /// goes: the caller's frame must lie higher, its return address must be in a mapping. So a wrong guess ends a stack,
    /// which having no rule would do as well.
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
            builder.reserve(forCallFrameBytes: min(section.size, file.source.size))
            statistics = try addFunctions(section, file.source, file, architecture, &builder)
        }
        if statistics.functions < startFileFunctions, let (section, source) = CallFrameSection.debugFrames(of: file) {
            let debug = try addFunctions(section, source, file, architecture, &builder)
            statistics.functions += debug.functions
            statistics.skippedFunctions += debug.skippedFunctions
            statistics.discardedFunctions += debug.discardedFunctions
            statistics.isTruncated = statistics.isTruncated || debug.isTruncated
        }
        let goLabels = try GoFrames(file, architecture)?.add(to: &builder)
        EntryStub.add(of: file, to: &builder)
        LinkageTable.add(of: file, architecture, to: &builder)
        StartFiles.add(of: file, architecture, to: &builder)
        CodeSweep.add(of: file, to: &builder)
        var table = builder.finish(gapRule: .framePointer, into: rules)
        table.statistics.callFrames = statistics
        table.goLabels = goLabels ?? go_labels()
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
        _ section: CallFrameSection, _ source: any BinarySource, _ file: ELFFile, _ architecture: CallFrameArchitecture,
        _ builder: inout UnwindTableBuilder
    ) throws(BinarySourceError) -> CallFrameStatistics {
        let trampoline = SignalTrampoline(architecture)
        let contextStart = ContextStart(architecture)
        var reader = CallFrameReader(section, architecture: architecture, source: source)
        while let function = try reader.next(), !builder.limitExceeded {
            if function.isSignalFrame || trampoline.matches(function, file) {
                // The handler returns to the trampoline's first instruction. Its address counts as a return address,
                // and is looked up one byte before.
                builder.add(.signal, (function.start &- min(1, function.start))..<function.end, .certain)
                continue
            }
            if contextStart.matches(function, file) {
                // No call precedes it either.
                builder.add(.endOfStack, (function.start &- min(1, function.start))..<function.end, .certain)
                continue
            }
            reader.withRows {
                builder.add($0, function.start..<function.end, .callFrames)
                if architecture == .x86_64, RealignedFrames.isNeeded($0) {
                    RealignedFrames.add($0, function, file, to: &builder)
                }
            }
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

    /// `.debug_frame` of a file, if it has one, and what to read it from: it may be compressed.
    static func debugFrames(of file: ELFFile) -> (CallFrameSection, any BinarySource)? {
        // Go's tables tell the same of every function, and are there when this is stripped.
        if file.section(".gopclntab") != nil || file.section(".data.rel.ro.gopclntab") != nil { return nil }
        guard let source = file.sectionContents(".debug_frame"), source.size > 0 else { return nil }
        return (CallFrameSection(format: .debugFrames, address: 0, sourceOffset: 0, size: source.size), source)
    }
}
