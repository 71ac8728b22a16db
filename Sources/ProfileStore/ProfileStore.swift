import Foundation
import GRDB
import Logging
import OTLP
import Synchronization

/// Profiles in a SQLite database: written one OTLP message at a time, read by time window and filter.
///
/// All work happens on GRDB's own queues, none on the caller's thread. A process that is killed at any moment loses at
/// most the message being written. A damaged database is moved aside and a new one begun.
public final class ProfileStore: Sendable {
    private let settings: Mutex<StoreConfiguration>
    let logger: Logger
    /// Seconds since 1970; tests set their own clock.
    let clock: @Sendable () -> Int64
    private let lock: DirectoryLock
    private let pool: Mutex<DatabasePool?>
    /// Locked only inside write transactions, which GRDB runs one at a time, so nobody ever waits for it.
    let writer = Mutex(WriterState())

    struct WriterState: Sendable {
        var interner = Interner()
        var lastMaintenance: Int64 = 0
    }

    /// Seconds between two looks at retention.
    static let maintenanceIntervalSeconds: Int64 = 30

    /// Opens or makes the database. Blocks while it does: call it from a thread that may wait, or use `open`.
    public init(
        _ configuration: StoreConfiguration, logger: Logger,
        clock: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
    ) throws {
        settings = Mutex(configuration)
        self.logger = logger
        self.clock = clock
        do {
            try FileManager.default.createDirectory(
                atPath: configuration.directory, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw StoreError.cannotCreateDirectory(
                path: configuration.directory, reason: (error as NSError).localizedDescription)
        }
        lock = try DirectoryLock(directory: configuration.directory)
        pool = Mutex(try DatabaseFile.open(in: configuration.directory, logger: logger))
    }

    public var configuration: StoreConfiguration { settings.withLock { $0 } }

    /// Changes retention and bucket length from the next message on; the directory stays.
    public func apply(_ configuration: StoreConfiguration) {
        settings.withLock { settings in
            let directory = settings.directory
            settings = configuration
            settings.directory = directory
        }
    }

    /// Opens the store on a thread of its own.
    public static func open(_ configuration: StoreConfiguration, logger: Logger) async throws -> ProfileStore {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try ProfileStore(configuration, logger: logger) })
            }
        }
    }

    /// Waits for running work, then closes the database. Later calls throw `StoreError.closed`.
    public func close() async {
        guard let open = pool.withLock({ $0.take() }) else { return }
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                do {
                    // Leaves everything in the one file.
                    _ = try open.writeWithoutTransaction { try $0.checkpoint(.truncate) }
                    try open.close()
                } catch {
                    self.logger.warning("profile store did not close cleanly", metadata: ["error": "\(error)"])
                }
                self.lock.unlock()
                continuation.resume()
            }
        }
    }

    // MARK: - Writing

    /// Stores one message in one transaction: afterwards all of it is kept, or on error none of it.
    @discardableResult
    public func ingest(_ profiles: Opentelemetry_Proto_Profiles_V1development_ProfilesData) async throws
        -> IngestResult
    {
        do {
            return try await write(profiles)
        } catch let error as DatabaseError where DatabaseFile.isDamage(error) {
            try await replaceDamaged(error)
            return try await write(profiles)
        }
    }

    private func write(_ profiles: Opentelemetry_Proto_Profiles_V1development_ProfilesData) async throws
        -> IngestResult
    {
        let now = clock()
        let pool = try openPool()
        do {
            let result = try await pool.write { database in
                try self.writer.withLock { writer in
                    var ingest = ProfileIngest(
                        profiles.dictionary, bucketSeconds: self.configuration.bucketSeconds, now: now)
                    return try ingest.write(profiles, &writer.interner, database)
                }
            }
            if writer.withLock({ now - $0.lastMaintenance >= Self.maintenanceIntervalSeconds }) {
                try await maintain()
            }
            return result
        } catch {
            // Rows that the transaction made are gone.
            writer.withLock { $0.interner.forget() }
            throw error
        }
    }

    func openPool() throws -> DatabasePool {
        guard let open = pool.withLock({ $0 }) else { throw StoreError.closed }
        return open
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await openPool().read(body)
    }

    /// Moves a database that turned out to be damaged while in use aside and begins a new one.
    private func replaceDamaged(_ error: DatabaseError) async throws {
        let damaged = try openPool()
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        // Readers still at work keep their own connections to the moved file.
                        try? damaged.close()
                        try DatabaseFile.moveAside(
                            in: self.configuration.directory, because: "\(error)", logger: self.logger)
                        let fresh = try DatabaseFile.open(in: self.configuration.directory, logger: self.logger)
                        self.pool.withLock { $0 = fresh }
                        self.writer.withLock { $0.interner.forget() }
                    })
            }
        }
    }
}
