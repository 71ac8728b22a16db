import Collector

/// The extension `file_storage`: its keys and defaults are the OpenTelemetry Collector's.
public struct FileStorageConfiguration: Sendable, Equatable {
    public var directory = "/var/lib/otelcol/file_storage"
    public var createsDirectory = false
    /// Mode of a folder that is made.
    public var directoryPermissions: UInt32 = 0o750
    /// How long to wait for another process to let go of what is stored.
    public var timeout = Duration.seconds(1)
    /// Whether what is stored survives the machine's end, not only the program's.
    public var syncs = false

    public init() {}

    init(_ section: ConfigurationSection) {
        directory = section.string("directory", default: directory)
        if directory.isEmpty { section.error("directory", "must not be empty") }
        createsDirectory = section.boolean("create_directory", default: createsDirectory)
        let permissions = section.string("directory_permissions", default: "0750")
        if let mode = UInt32(permissions, radix: 8), mode <= 0o777 {
            directoryPermissions = mode
        } else {
            section.error("directory_permissions", "\"\(permissions)\" must be an octal mode such as \"0750\"")
        }
        timeout = section.duration("timeout", default: timeout, in: .zero ... .seconds(3600))
        syncs = section.boolean("fsync", default: syncs)
        // For the database of the OpenTelemetry Collector's extension. Ours deletes files as they become empty, and
        // goes on without what is damaged.
        _ = section.optionalBoolean("recreate")
        if section.isSet("compaction") { _ = section.node("compaction") }
    }
}
