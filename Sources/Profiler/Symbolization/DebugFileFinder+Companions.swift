import ObjectFiles

extension DebugFileFinder {
    /// All files that describe an executable: the separate debug file as `find` finds it; the supplementary file that
    /// either names (dwz), where it says, or by its build id; the package of split units beside either.
    ///
    /// - Parameters: as of `find`.
    public func files(
        for file: ELFFile, path: String, openInProcess: @escaping Open, openOnHost: @escaping Open
    ) -> DebugFiles {
        let separate = locate(for: file, path: path, openInProcess: openInProcess, openOnHost: openOnHost)
        var files = DebugFiles(separate: separate?.file)
        let holders = [(file: file, path: path), separate].compactMap { $0 }
        for holder in holders {
            guard let link = holder.file.supplementaryLink() else { continue }
            files.supplementary = supplementary(
                link, linkedFrom: holder.path, file.machine, [openInProcess, openOnHost])
            if files.supplementary != nil { break }
        }
        // Only units that are elsewhere need this section before DWARF 5; since then many have it.
        guard holders.contains(where: { $0.file.section(".debug_addr") != nil }) else { return files }
        for holder in holders where files.package == nil {
            files.package = open("\(holder.path).dwp", [openInProcess]) { $0.section(".debug_cu_index") != nil }
        }
        let machine = file.machine
        let executableFolder = Self.folder(of: path)
        files.openSplit = { name in
            // Where the compiler was told to write it, or beside the executable, with which it may have been brought.
            let base = name.split(separator: "/").last.map(String.init) ?? name
            for (path, open) in [
                (name, openInProcess), (name, openOnHost), ("\(executableFolder)/\(base)", openInProcess),
            ] where path.hasPrefix("/") {
                if let source = try? open(path), let found = try? ELFFile(source), found.machine == machine {
                    return found
                }
            }
            return nil
        }
        return files
    }

    private func supplementary(
        _ link: SupplementaryLink, linkedFrom path: String, _ machine: ELFMachine, _ openers: [Open]
    ) -> ELFFile? {
        let id = link.buildID.hex
        let named = link.path.hasPrefix("/") ? link.path : "\(Self.folder(of: path))/\(link.path)"
        for path in [named, "\(Self.folder)/.build-id/\(id.prefix(2))/\(id.dropFirst(2)).debug"] {
            if let found = open(path, openers, where: { $0.machine == machine && $0.gnuBuildID() == link.buildID }) {
                return found
            }
        }
        return nil
    }

    private func open(_ path: String, _ openers: [Open], where isWanted: (ELFFile) -> Bool) -> ELFFile? {
        guard path.hasPrefix("/") else { return nil }
        for open in openers {
            if let source = try? open(path), let found = try? ELFFile(source), isWanted(found) { return found }
        }
        return nil
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
}
