import DWARF
import ObjectFiles

enum DebugInformationTargets {
    /// A whole file, and each section by itself in a file that is whole otherwise.
    static let all =
        [FuzzTarget("debug-file", run: lookUp)]
        + [
            (".debug_info", "debug-entries"), (".debug_abbrev", "debug-abbreviations"), (".debug_line", "debug-lines"),
            (".debug_rnglists", "debug-ranges"), (".debug_aranges", "debug-address-ranges"),
            (".debug_str_offsets", "debug-string-offsets"),
        ].map { section(named: $0, target: $1) }

    private static let sectionNames = [
        ".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", ".debug_line_str", ".debug_rnglists",
        ".debug_ranges", ".debug_addr", ".debug_str_offsets", ".debug_aranges", ".debug_loclists",
    ]

    /// The files that `debug-file` begins with, as sections.
    private static let files: [[String: [UInt8]]] = Corpus.files(of: "debug-file").compactMap { bytes in
        guard let file = try? ELFFile(MemorySource(bytes)) else { return nil }
        var sections: [String: [UInt8]] = [:]
        for name in sectionNames {
            guard let contents = file.sectionContents(name), contents.size <= 64 << 10 else { continue }
            sections[name] = try? contents.read(at: 0, count: Int(contents.size))
        }
        return sections
    }

    private static func section(named name: String, target: String) -> FuzzTarget {
        FuzzTarget(target, seeds: { files.compactMap { $0[name] } }) { bytes in
            for file in files {
                var sections = file
                sections[name] = bytes
                lookUp(ELFImage.build(sections.sorted { $0.key < $1.key }.map { (name: $0.key, bytes: $0.value) }))
            }
        }
    }

    private static func lookUp(_ bytes: [UInt8]) {
        guard let file = try? ELFFile(MemorySource(bytes)) else { return }
        let cache = DebugPartCache(capacityBytes: 64 << 10)
        guard let information = DebugInformation(file, cache: cache) else { return }
        var addresses: [UInt64] = [0, .max]
        for start in [0x1000, file.entryAddress] + file.executableSegments.prefix(4).map(\.address) {
            addresses += (0..<24).map { start &+ UInt64($0 * 13) }
        }
        for address in addresses { _ = information.lookup(address) }
    }
}
