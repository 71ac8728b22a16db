import ObjectFiles

/// A unit that the linked file has only a skeleton of.
final class SplitUnit: Sendable {
    let units: DebugUnits
    let context: UnitContext

    init(_ units: DebugUnits, _ context: UnitContext) {
        self.units = units
        self.context = context
    }
}

extension DebugInformation {
    /// The unit that a skeleton stands for, in the package or in a file of its own; nil when neither can be read.
    ///
    /// Absence is remembered as long as the cache keeps it.
    func split(of skeleton: UnitContext) -> SplitUnit? {
        owner.part(.split, skeleton.header.offset, sizeBytes: { $0?.units.sizeBytes ?? 0 }) { () -> SplitUnit? in
            guard let id = skeleton.splitID else { return nil }
            if let sections = package?.sections(of: id), let found = splitUnit(sections, skeleton, id) { return found }
            guard let place = skeleton.splitName, let name = try? skeleton.string(place), !name.isEmpty,
                let openSplit = files.openSplit
            else { return nil }
            let folder = skeleton.folder
            let path = name.hasPrefix("/") || folder.isEmpty ? name : "\(folder)/\(name)"
            guard let file = openSplit(path), let sections = DebugSections(file, suffix: ".dwo") else { return nil }
            return splitUnit(sections, skeleton, id)
        }
    }

    private func splitUnit(_ sections: DebugSections, _ skeleton: UnitContext, _ id: UInt64) -> SplitUnit? {
        var sections = sections
        // These stay in the linked file.
        sections.addresses = skeleton.sections.addresses
        sections.ranges = skeleton.sections.ranges
        sections.lineStrings = skeleton.sections.lineStrings
        let units = DebugUnits(sections, skeleton: skeleton, cache)
        for start in units.starts.prefix(1024) {
            guard let context = try? units.context(at: start), !context.header.isTypeUnit else { continue }
            if context.splitID == id { return SplitUnit(units, context) }
        }
        return nil
    }
}
