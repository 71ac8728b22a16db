import Collector
import ExporterSupport
import Glibc
import Logging
import SegmentLog

/// `file_storage`: keeps the queues of exporters in files.
public struct FileStorageExtensionFactory: ExtensionFactory {
    public let type = "file_storage"
    public let stability = Stability.beta

    public init() {}

    public func decode(_ section: ConfigurationSection) -> FileStorageConfiguration {
        FileStorageConfiguration(section)
    }

    public func makeExtension(
        configuration: FileStorageConfiguration, context: ComponentContext
    ) async throws -> any Extension {
        FileStorage(configuration, logger: context.logger)
    }
}

final class FileStorage: StorageExtension {
    private let configuration: FileStorageConfiguration
    private let logger: Logger
    private let files = BlockingWork(label: "otelcol-storage")

    init(_ configuration: FileStorageConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    func start(host: any Host) async throws {
        let configuration = configuration
        try await files.run {
            if configuration.createsDirectory {
                try Self.makeFolders(configuration.directory, mode: configuration.directoryPermissions)
            }
            var status = stat()
            guard stat(configuration.directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw CollectorError(
                    "directory \(configuration.directory) does not exist: make it, or set create_directory: true")
            }
            guard access(configuration.directory, W_OK | X_OK) == 0 else {
                throw CollectorError(
                    "directory \(configuration.directory) cannot be written: \(String(cString: strerror(errno)))")
            }
        }
    }

    func openBatches(named name: String) async throws -> any StoredBatches {
        let folder = configuration.directory + "/" + Self.fileName(name)
        let configuration = configuration
        let patience = Int(configuration.timeout / .milliseconds(1))
        let files = BlockingWork(label: "otelcol-storage-\(name)")
        let batches = try await files.run {
            try FileBatches(
                SegmentLog(folder: folder, syncs: configuration.syncs, lockPatienceMilliseconds: patience), files)
        }
        for damage in batches.damage {
            logger.error("Stored data is damaged; what can be read is used", metadata: ["error": "\(damage)"])
        }
        return batches
    }

    /// Letters, digits, `_`, `-` and `.` stay; anything else becomes `~` and four hexadecimal digits.
    static func fileName(_ name: String) -> String {
        name.utf16.map { unit in
            switch unit {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f:
                String(UnicodeScalar(UInt8(unit)))
            default:
                "~" + String(repeating: "0", count: 4 - String(unit, radix: 16).count) + String(unit, radix: 16)
            }
        }.joined()
    }

    private static func makeFolders(_ path: String, mode: UInt32) throws {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/" + part
            guard mkdir(made, mode) != 0, errno != EEXIST else { continue }
            throw CollectorError("cannot make directory \(made): \(String(cString: strerror(errno)))")
        }
    }
}
