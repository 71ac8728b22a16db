import CBPFInterface
import DWARF

/// The unwinding table of one executable: for each ELF address the number of a rule.
///
/// In memory as in the kernel's arena (abi.h, "Unwinding tables"): pages of 2^`pageShift` bytes, each with its sorted
/// rows, four bytes a row. Rows of a page are contiguous in `rows`.
public struct UnwindTable: Sendable, Equatable {
    public struct Page: Sendable, Equatable {
        /// Index of the page's first row in `rows`; unused when `rowCount` is 0.
        public var firstRow: UInt32
        /// rule << 16 | row count, the second word of the page's record. With a row count of 0 the whole page follows
        /// the rule.
        public var ruleAndRowCount: UInt32

        public var rowCount: Int { Int(ruleAndRowCount & 0xffff) }
        /// For a page without rows.
        public var rule: UInt16 { UInt16(truncatingIfNeeded: ruleAndRowCount >> 16) }

        public init(firstRow: UInt32, ruleAndRowCount: UInt32) {
            self.firstRow = firstRow
            self.ruleAndRowCount = ruleAndRowCount
        }
    }

    public struct Statistics: Sendable, Equatable {
        public var callFrames = CallFrameStatistics()
        /// Distinct rules among the rows and pages.
        public var distinctRules = 0
        /// Rules that found no room in the rule set; their addresses have UNWIND_RULE_INVALID.
        public var refusedRules = 0
        /// Pages with more rows than a page can have; all their addresses have UNWIND_RULE_INVALID.
        public var degradedPages = 0
        /// The file announced more rows, or a wider range of code, than is held.
        public var limitExceeded = false

        public init() {}
    }

    /// ELF address where page 0 starts; a multiple of the page's size.
    public var firstPageAddress: UInt64
    public var pageShift: UInt8
    public var pages: [Page]
    /// rule << 16 | offset from the page's start.
    public var rows: [UInt32]
    public var statistics: Statistics
    /// Of a Go program whose goroutines' labels can be found.
    public var goLabels = go_labels()

    /// - Parameters: as the properties; pages and rows must be as the kernel's arena wants them.
    public init(
        firstPageAddress: UInt64, pageShift: UInt8, pages: [Page], rows: [UInt32], statistics: Statistics = .init()
    ) {
        self.firstPageAddress = firstPageAddress
        self.pageShift = pageShift
        self.pages = pages
        self.rows = rows
        self.statistics = statistics
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.firstPageAddress == right.firstPageAddress && left.pageShift == right.pageShift
            && left.pages == right.pages && left.rows == right.rows && left.statistics == right.statistics
            && left.goLabels.goroutine == right.goLabels.goroutine
            && left.goLabels.current == right.goLabels.current && left.goLabels.labels == right.goLabels.labels
    }

    /// Words that the table takes in an arena where none is lost at the blocks' ends.
    public var wordCount: Int { rows.count + 2 * pages.count }

    /// The number of the rule for the instruction at `elfAddress`; nil outside of the table. For a return address pass
    /// the address before it: the call is meant, and the next instruction may belong to another function.
    ///
    /// Does what the kernel's unwinder does.
    public func rule(at elfAddress: UInt64) -> UInt16? {
        guard elfAddress >= firstPageAddress else { return nil }
        let distance = elfAddress - firstPageAddress
        guard distance >> pageShift < UInt64(pages.count) else { return nil }
        let page = pages[Int(distance >> pageShift)]
        if page.rowCount == 0 { return page.rule }
        let wanted = UInt32(truncatingIfNeeded: distance & (1 << pageShift - 1))
        // The last row whose offset is not above the wanted one.
        var low = Int(page.firstRow)
        var count = page.rowCount
        while count > 1 {
            let half = count / 2
            if rows[low + half] & 0xffff <= wanted {
                low += half
                count -= half
            } else {
                count = half
            }
        }
        return UInt16(truncatingIfNeeded: rows[low] >> 16)
    }
}
