import ObjectFiles

/// Finds the separate debug file of an executable, as distributions install them.
///
/// In order: `/usr/lib/debug/.build-id/xx/yyyy.debug` by build id, then by `.gnu_debuglink` beside the executable, in
/// `.debug/` beside it, and under `/usr/lib/debug`; each as the process sees it, the folders below `/usr/lib/debug` on
/// the host as well. Source: GDB's manual, "Separate Debug Files".
public struct DebugFileFinder: Sendable {
    /// Opens a regular file by absolute path; must neither block on other kinds of files nor follow links out of the
    /// root that is meant.
    public typealias Open = @Sendable (_ path: String) throws -> any BinarySource

    static let folder = "/usr/lib/debug"
    /// Files above this are not read as a whole, which a check by CRC takes: some 0.1 s.
    private static let crcLimitBytes: UInt64 = 128 << 20

    public init() {}

    /// - Parameters:
    ///   - path: of the executable, absolute, as the process sees it.
    ///   - openInProcess: opens what the process would see.
    ///   - openOnHost: opens what this program sees.
    /// - Returns: a file that has the executable's build id, or for an executable without one the CRC of the link.
    public func find(
        for file: ELFFile, path: String, openInProcess: @escaping Open, openOnHost: @escaping Open
    ) -> ELFFile? {
        locate(for: file, path: path, openInProcess: openInProcess, openOnHost: openOnHost)?.file
    }

    /// The file, and where it is.
    func locate(
        for file: ELFFile, path: String, openInProcess: @escaping Open, openOnHost: @escaping Open
    ) -> (file: ELFFile, path: String)? {
        let buildID = file.gnuBuildID()
        if let buildID, buildID.bytes.count > 1 {
            let path = "\(Self.folder)/.build-id/\(buildID.hex.prefix(2))/\(buildID.hex.dropFirst(2)).debug"
            for open in [openInProcess, openOnHost] {
                if let found = debugFile(path, open, for: file, buildID, crc32: nil) { return (found, path) }
            }
        }
        guard let link = file.debugLink(), path.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return nil }
        let executableFolder = path[..<slash]
        let installed = "\(Self.folder)\(executableFolder)/\(link.fileName)"
        let candidates: [(String, Open)] = [
            ("\(executableFolder)/\(link.fileName)", openInProcess),
            ("\(executableFolder)/.debug/\(link.fileName)", openInProcess),
            (installed, openInProcess), (installed, openOnHost),
        ]
        for (path, open) in candidates {
            if let found = debugFile(path, open, for: file, buildID, crc32: link.crc32) { return (found, path) }
        }
        return nil
    }

    private func debugFile(
        _ path: String, _ open: Open, for file: ELFFile, _ buildID: BuildID?, crc32: UInt32?
    ) -> ELFFile? {
        guard let source = try? open(path), let found = try? ELFFile(source), found.machine == file.machine,
            // The executable itself, or a link to it, says nothing new.
            found.symbolTable() != nil || found.section(".debug_info") != nil
        else { return nil }
        if let buildID { return found.gnuBuildID() == buildID ? found : nil }
        guard let crc32, source.size <= Self.crcLimitBytes, (try? CRC32.of(source)) == crc32 else { return nil }
        return found
    }
}
