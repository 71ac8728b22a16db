import Glibc

extension ELFFile {
    /// The page size of this machine, in bytes: 4 KiB on x86_64; 4, 16 or 64 KiB on arm64, as the kernel was built.
    public static let systemPageSizeBytes = UInt64(max(4096, sysconf(Int32(_SC_PAGESIZE))))

    /// What must be subtracted from an address in a process to get an ELF virtual address, for the mapping that starts
    /// at `start` with offset `fileOffset`; nil when no executable segment fits. The difference is meant modulo 2^64.
    ///
    /// - Parameter pageSizeBytes: the page size of the process, to which loaders round segments; a power of two.
    public func loadBias(
        mappingStart start: UInt64, fileOffset: UInt64, pageSizeBytes: UInt64 = ELFFile.systemPageSizeBytes
    ) -> UInt64? {
        elfAddress(ofMappingAt: fileOffset, pageSizeBytes: pageSizeBytes).map { start &- $0 }
    }

    /// The ELF virtual address at which an executable mapping begins that has the file offset `fileOffset`.
    ///
    /// p_vaddr + (offset − p_offset) of the executable PT_LOAD whose page-rounded file range holds the offset. Where
    /// two segments share a page, the one whose own mapping begins there is meant, then the one that really holds the
    /// offset.
    public func elfAddress(
        ofMappingAt fileOffset: UInt64, pageSizeBytes: UInt64 = ELFFile.systemPageSizeBytes
    ) -> UInt64? {
        let mask = max(pageSizeBytes, 1) &- 1
        var best: (rank: Int, address: UInt64)?
        for segment in segments where segment.type == ELFSegment.load && segment.isExecutable {
            let (end, overflow) = segment.offset.addingReportingOverflow(segment.fileSize)
            if overflow || segment.fileSize == 0 { continue }
            let roundedStart = segment.offset & ~mask
            let (roundUp, roundOverflow) = end.addingReportingOverflow(mask)
            let roundedEnd = roundOverflow ? UInt64.max : roundUp & ~mask
            guard fileOffset >= roundedStart, fileOffset < roundedEnd else { continue }
            let rank = fileOffset == roundedStart ? 0 : fileOffset >= segment.offset && fileOffset < end ? 1 : 2
            if rank < best?.rank ?? Int.max {
                best = (rank, segment.address &+ (fileOffset &- segment.offset))
            }
        }
        return best?.address
    }

    /// The ELF virtual address of the code byte at `fileOffset`; nil when no executable segment holds it.
    public func elfAddress(forFileOffset fileOffset: UInt64) -> UInt64? {
        for segment in segments where segment.type == ELFSegment.load && segment.isExecutable {
            if fileOffset >= segment.offset, fileOffset - segment.offset < segment.fileSize {
                return segment.address &+ (fileOffset &- segment.offset)
            }
        }
        return nil
    }
}
