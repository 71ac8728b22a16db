import ObjectFiles

extension KernelSymbols {
    /// What `/proc/modules` and `/sys` tell of a module.
    struct ModuleFacts {
        var start: UInt64?
        var sizeBytes: UInt64?
        var buildID: BuildID?
    }

    /// Beyond its last symbol a module whose size is unknown reaches no further than this.
    private static let unknownTailBytes: UInt64 = 64 << 10

    /// From the text of `/proc/kallsyms` alone; nil where that is too much.
    package init?(parsing text: [UInt8]) {
        var parser = KernelSymbolsParser()
        do {
            try text.withUnsafeBytes { try parser.parse($0) }
            try parser.finish()
        } catch {
            return nil
        }
        self.init(parser, facts: [:])
    }

    /// Sorts what was parsed into groups; one name per address is kept.
    init(_ parser: KernelSymbolsParser, facts: [String: ModuleFacts]) {
        var found = parser.found
        if let start = parser.textStart, let end = parser.textEnd, start < end {
            // Initialisation code after `_etext` has been freed, and may be somebody else's memory.
            found.removeAll { $0.module == 0 && ($0.address < start || $0.address >= end) }
        }
        found.sort { ($0.address, $0.name) < ($1.address, $1.name) }

        var groups: [Group] = []
        var symbols: [Symbol] = []
        symbols.reserveCapacity(found.count)
        var names: [UInt8] = []
        names.reserveCapacity(parser.names.count)
        var index = 0
        while index < found.count {
            var chosen = found[index]
            index += 1
            while index < found.count, found[index].address == chosen.address {
                if Self.isBetter(found[index], than: chosen, parser.names) { chosen = found[index] }
                index += 1
            }
            let distance = groups.last.map { chosen.address - $0.start } ?? 0
            if groups.last?.module != UInt32(chosen.module) || distance > UInt64(UInt32.max) {
                groups.append(
                    Group(
                        start: chosen.address, end: chosen.address, firstSymbol: UInt32(symbols.count), symbolCount: 0,
                        module: UInt32(chosen.module)))
            }
            let last = groups.count - 1
            symbols.append(
                Symbol(
                    offset: UInt32(truncatingIfNeeded: chosen.address - groups[last].start), name: UInt32(names.count)))
            names += parser.names[Int(chosen.name)...].prefix { $0 != 0 }
            names.append(0)
            groups[last].symbolCount += 1
            groups[last].end = chosen.address
        }

        var modules = parser.moduleNames.enumerated().map { index, name in
            let facts = facts[index == 0 ? "" : name]
            return KernelModule(
                kind: index == 0 ? .kernel : KernelModule.Kind(moduleName: name), name: name, start: 0, end: 0,
                buildID: facts?.buildID, fileID: FileID(kernelBuildIDHex: facts?.buildID?.hex))
        }
        // A group reaches to the end of its module, at most to the next group.
        for index in groups.indices {
            let module = Int(groups[index].module)
            let (tail, overflow) = groups[index].end.addingReportingOverflow(Self.unknownTailBytes)
            var end = overflow ? UInt64.max : tail
            if module == 0 {
                end = parser.textEnd.map { $0 > groups[index].end ? $0 : end } ?? end
            } else if let facts = facts[modules[module].name], let start = facts.start, let size = facts.sizeBytes {
                let (moduleEnd, overflow) = start.addingReportingOverflow(size)
                if !overflow, moduleEnd > groups[index].end { end = moduleEnd }
            }
            if index + 1 < groups.count { end = min(end, groups[index + 1].start) }
            groups[index].end = end
            if modules[module].end == 0 {
                modules[module].start = groups[index].start
            }
            modules[module].end = end
        }
        for index in modules.indices.dropFirst() {
            if let start = facts[modules[index].name]?.start, start <= modules[index].start, start != 0 {
                modules[index].start = start
            }
        }
        if let start = parser.textStart, modules[0].end > start { modules[0].start = start }
        self.groups = groups
        self.symbols = symbols
        self.names = names
        self.modules = modules
    }

    private static func isBetter(
        _ left: KernelSymbolsParser.Found, than right: KernelSymbolsParser.Found, _ names: [UInt8]
    ) -> Bool {
        if left.rank != right.rank { return left.rank > right.rank }
        func underscores(_ symbol: KernelSymbolsParser.Found) -> Int {
            names[Int(symbol.name)...].prefix { $0 == UInt8(ascii: "_") }.count
        }
        return underscores(left) < underscores(right)
    }
}
