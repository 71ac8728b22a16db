import Collector

/// The configuration of `file`.
public struct FileConfiguration: Sendable, Equatable {
    public enum Format: String, Sendable, CaseIterable {
        /// One OTLP/JSON request a line.
        case json
        /// Frames of a length, 4 bytes big endian, and a serialized request.
        case proto
    }

    public struct Rotation: Sendable, Equatable {
        public var maximumBytes = 100 << 20
        /// Older files are deleted; nil: none for its age.
        public var maximumDays: Int?
        /// How many old files are kept; 0: all.
        public var maximumBackups = 100
        /// Names carry local time instead of UTC.
        public var usesLocalTime = false
    }

    public var path = ""
    public var appends = false
    public var format = Format.json
    public var rotation: Rotation?
    public var flushInterval = Duration.seconds(1)
    public var createsDirectory = false
    public var directoryPermissions: UInt32 = 0o755

    public init() {}

    init(_ section: ConfigurationSection) {
        path = section.string("path")
        if path.isEmpty { section.error("path", "must be non-empty") }
        appends = section.boolean("append", default: false)
        format = section.enumeration("format", default: .json)
        rotation = section.optionalSection("rotation").map { section in
            var rotation = Rotation()
            let megabytes = section.integer("max_megabytes", default: 100, in: 1...(1 << 40))
            rotation.maximumBytes = megabytes << 20
            rotation.maximumDays = section.optionalInteger("max_days", in: 0...1_000_000).flatMap { $0 == 0 ? nil : $0 }
            rotation.maximumBackups = section.integer("max_backups", default: 100, in: 0...1_000_000)
            rotation.usesLocalTime = section.boolean("localtime", default: false)
            return rotation
        }
        flushInterval = section.duration("flush_interval", default: .seconds(1), in: .milliseconds(1) ... .longest)
        createsDirectory = section.boolean("create_directory", default: false)
        let permissions = section.string("directory_permissions", default: "0755")
        if let bits = UInt32(permissions, radix: 8), bits <= 0o777 {
            directoryPermissions = bits
        } else {
            section.error("directory_permissions", "must be octal digits such as \"0755\"")
        }
        if let compression = section.optionalString("compression"), !["", "none"].contains(compression) {
            section.error("compression", "\"\(compression)\" is not supported (valid values: [none])")
        }
        if section.isSet("encoding") { section.error("encoding", "is not supported; use format") }
        if let group = section.optionalSection("group_by") {
            group.acceptAnyKeys()
            group.error(nil, "is not supported")
        }
    }
}

/// `file`: writes batches to a file.
public struct FileExporterFactory: ExporterFactory {
    public let type = "file"
    public let stability: [Signal: Stability] = [
        .traces: .alpha, .metrics: .alpha, .logs: .alpha, .profiles: .development,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> FileConfiguration { FileConfiguration(section) }

    public func makeExporter(
        signal: Signal, configuration: FileConfiguration, context: ComponentContext
    ) async throws -> any Exporter {
        // The instances of all signals write into one file.
        let file = context.shared.value { SharedFile(configuration: configuration) }
        return FileExporter(configuration: configuration, file: file, logger: context.logger)
    }
}
