import BinaryReading

/// The files that describe an executable, apart from itself.
public struct DebugFiles: Sendable {
    /// The file with the symbols and debugging information that were taken out of the executable.
    public var separate: ELFFile?
    /// The file with what several files have in common (dwz, `.gnu_debugaltlink`).
    public var supplementary: ELFFile?
    /// All units of split debugging information (`.dwp`).
    public var package: ELFFile?
    /// Opens the file of one split unit (`.dwo`) by the path that the compiler was given.
    public var openSplit: (@Sendable (_ path: String) -> ELFFile?)?

    public init(
        separate: ELFFile? = nil, supplementary: ELFFile? = nil, package: ELFFile? = nil,
        openSplit: (@Sendable (_ path: String) -> ELFFile?)? = nil
    ) {
        self.separate = separate
        self.supplementary = supplementary
        self.package = package
        self.openSplit = openSplit
    }
}

/// The contents of `.gnu_debugaltlink`: which file has what several files have in common.
public struct SupplementaryLink: Equatable, Sendable {
    /// Absolute, or relative to the folder of the file that has the link.
    public var path: String
    public var buildID: BuildID
}

extension ELFFile {
    /// Source of the format: dwz(1); a path, NUL, and the build id.
    public func supplementaryLink() -> SupplementaryLink? {
        guard let section = section(".gnu_debugaltlink"), let bytes = try? contents(of: section, limitBytes: 8192)
        else { return nil }
        return try? bytes.withByteReader { (reader) throws(ReadError) in
            let path = try reader.readCString(limit: 4096, "supplementary link")
            guard !path.isEmpty, (1...64).contains(reader.remaining) else { return nil }
            return SupplementaryLink(
                path: path, buildID: BuildID(bytes: try reader.readBytes(reader.remaining, "build id")))
        }
    }
}
