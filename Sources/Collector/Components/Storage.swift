/// An extension that keeps what must outlive the process.
public protocol StorageExtension: Extension {
    /// Opens a component's stored batches; nobody else may have them open.
    ///
    /// - Parameter name: of the component, in a form that no other component has, such as
    ///   `exporter_otlp_grpc_backup_profiles`.
    func openBatches(named name: String) async throws -> any StoredBatches
}

/// Batches on a disk: added at the end, removed in any order. What was added is there until it is removed, also after
/// the process has ended in any way.
public protocol StoredBatches: Sendable {
    /// What earlier runs left, oldest first.
    var left: [StoredBatch] { get }

    func add(_ content: StoredContent, items: Int) async throws -> StoredBatch
    func read(_ batch: StoredBatch) async throws -> StoredContent
    func remove(_ batch: StoredBatch) async throws
    /// To be called once, when none of the others runs; afterwards somebody else may open them.
    func close() async
}

/// What is kept of a batch.
public struct StoredContent: Sendable, Equatable {
    public var bytes: [UInt8]
    /// Header fields of the request that the batch came with, names in lowercase.
    public var metadata: [String: [String]]

    public init(_ bytes: [UInt8], metadata: [String: [String]] = [:]) {
        self.bytes = bytes
        self.metadata = metadata
    }
}

/// Stands for one batch of `StoredBatches`.
public struct StoredBatch: Sendable, Hashable {
    public let number: UInt64
    public let sizeBytes: Int
    /// As `Telemetry.itemCount` counts.
    public let items: Int

    public init(number: UInt64, sizeBytes: Int, items: Int) {
        self.number = number
        self.sizeBytes = sizeBytes
        self.items = items
    }
}

extension Host {
    /// - Throws: `CollectorError` if the extension does not run, or stores nothing.
    public func storage(_ id: ComponentID) throws -> any StorageExtension {
        guard let found = runningExtension(id) else {
            throw CollectorError(
                "storage \"\(id)\" not found; it must be configured and listed in service::extensions")
        }
        guard let storage = found as? any StorageExtension else {
            throw CollectorError("extension \"\(id)\" is not a storage extension")
        }
        return storage
    }
}
