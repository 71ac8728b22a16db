/// Why the store cannot do what was asked; each description says what to do.
public enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    case cannotCreateDirectory(path: String, reason: String)
    case inUse(directory: String, owner: String)
    case foreignDatabase(path: String)
    case newerDatabase(path: String, version: Int)
    case closed
    case tooLarge(stacks: Int)

    public var description: String {
        switch self {
        case .cannotCreateDirectory(let path, let reason):
            "cannot create or open the profile store's directory \(path): \(reason); set `directory` to a folder "
                + "that this user may write to"
        case .inUse(let directory, let owner):
            "profile store \(directory) is in use by process \(owner); stop that process or set another `directory`"
        case .foreignDatabase(let path):
            "\(path) is a SQLite database of another program; set another `directory`"
        case .newerDatabase(let path, let version):
            "\(path) was written by a newer version (schema \(version)); use that version or set another `directory`"
        case .closed: "the profile store is closed"
        case .tooLarge(let stacks):
            "there are more than \(stacks) different stacks to look at; choose a shorter time window or a process"
        }
    }
}
