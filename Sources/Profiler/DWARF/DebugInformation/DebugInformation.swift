import BinaryReading
import ObjectFiles

/// What DWARF tells of a file's code: functions, those that were inlined, and lines of the source.
///
/// Versions 2 to 5. An index by address is made at once; units are decoded one at a time, where an address of theirs is
/// asked for, and kept in a cache that may serve many files. The file is hostile input: everything is bounded, nothing
/// traps. Sources: DWARF 5, and GCC's wiki for split DWARF and dwz.
public final class DebugInformation: Sendable {
    /// A function at an address. Unknown texts are empty, unknown numbers 0.
    public struct Frame: Sendable, Hashable {
        /// The linkage name where there is one, else the name in the source.
        public var name: String
        public var isLinkageName: Bool
        public var language: DebugLanguage
        public var file: String
        public var line: UInt32
        public var column: UInt32
        /// Line of the function's declaration.
        public var startLine: UInt32
    }

    /// What is known of an address.
    public struct Match: Sendable, Hashable {
        /// The innermost inlined function first, the function that holds the code last; never empty. One without a name
        /// where only the line is known.
        public var frames: [Frame]
        /// First address of the range of code that the address belongs to; nil where only the line is known.
        public var functionStart: UInt64?
    }

    private let units: DebugUnits
    private let index: UnitIndex
    let files: DebugFiles
    let package: SplitPackage?
    let cache: DebugPartCache
    let owner: DebugPartCache.Owner

    /// Nil when the file has no debugging information, or none for any code.
    /// - Parameters:
    ///   - file: the file with the sections: the executable itself or its separate debug file.
    ///   - files: further files that it may refer to.
    ///   - cache: for decoded units; may be shared with other files.
    public init?(_ file: ELFFile, files: DebugFiles = DebugFiles(), cache: DebugPartCache) {
        guard var sections = DebugSections(file) else { return nil }
        self.files = files
        self.cache = cache
        owner = cache.owner()
        package = files.package.flatMap { SplitPackage($0) }
        let supplementary = files.supplementary.flatMap { DebugSections($0) }
        if let supplementary { sections.supplementaryStrings = supplementary.strings }
        units = DebugUnits(sections, supplementary: supplementary.map { DebugUnits($0, cache) }, cache)
        index = UnitIndex(units, code: Self.code(of: file))
        if index.isEmpty { return nil }
    }

    /// Bytes of memory that are held apart from the cache.
    public var sizeBytes: Int { units.sizeBytes + index.sizeBytes }

    /// Where code is. Separate debug files have headers for sections that they do not contain.
    private static func code(of file: ELFFile) -> [AddressRange] {
        let sections = file.sections.filter { $0.isAllocated && $0.isExecutable }.map { ($0.address, $0.size) }
        let segments = file.executableSegments.map { ($0.address, $0.memorySize) }
        let places = sections.isEmpty ? segments : sections
        return places.compactMap { start, size in
            let (end, overflow) = start.addingReportingOverflow(size)
            return overflow || size == 0 ? nil : AddressRange(start: start, end: end)
        }
    }

    /// What is known of an ELF virtual address; nil when nothing is.
    public func lookup(_ address: UInt64) -> Match? {
        var lineOnly: Match?
        for number in index.units(at: address) {
            guard let context = try? units.context(at: units.starts[number]),
                let match = match(address, context)
            else { continue }
            if match.functionStart != nil { return match }
            if lineOnly == nil { lineOnly = match }
        }
        return lineOnly
    }

    private func match(_ address: UInt64, _ context: UnitContext) -> Match? {
        // Without the split unit itself its skeleton may still have lines, and with some compilers functions.
        if context.splitName != nil, let split = split(of: context) {
            return match(address, split.context, split.units)
        }
        return match(address, context, units)
    }

    private func match(_ address: UInt64, _ context: UnitContext, _ units: DebugUnits) -> Match? {
        let lines = try? units.lines(of: context)
        guard let entries = try? units.entries(of: context), let function = entries.function(at: address) else {
            guard let lines, let place = lines.place(of: address, notBefore: 0), place.line > 0 else { return nil }
            return Match(
                frames: [
                    Frame(
                        name: "", isLinkageName: false, language: context.language,
                        file: lines.fileName(UInt64(place.file)), line: place.line, column: place.column, startLine: 0)
                ], functionStart: nil)
        }
        let chain = entries.chain(of: function, at: address)
        var frames: [Frame] = []
        frames.reserveCapacity(chain.count)
        let innermostStart = chain.last?.start ?? function.range.start
        var (file, line, column): (UInt64?, UInt32, UInt32) = (nil, 0, 0)
        if let place = lines?.place(of: address, notBefore: innermostStart) {
            (file, line, column) = (UInt64(place.file), place.line, place.column)
        }
        for found in chain.reversed() {
            let texts = units.texts(of: found.entry, in: entries)
            frames.append(
                Frame(
                    name: texts.name, isLinkageName: texts.isLinkageName, language: context.language,
                    file: file.flatMap { lines?.fileName($0) } ?? "", line: line, column: column,
                    startLine: texts.declarationLine))
            (file, line, column) = (found.callFile, found.callLine, found.callColumn)
        }
        return Match(frames: frames, functionStart: function.range.start)
    }
}
