import Foundation
import GRDB
import Logging

/// The database's file: opening it, and moving it out of the way when it is damaged.
enum DatabaseFile {
    static let name = "profiles.sqlite"
    /// Suffixes of SQLite's own files beside the database.
    private static let companions = ["", "-wal", "-shm"]

    static func path(in directory: String) -> String { "\(directory)/\(name)" }

    static func open(in directory: String, logger: Logger) throws -> DatabasePool {
        do {
            return try openIntact(in: directory)
        } catch let error as DatabaseError where isDamage(error) {
            try moveAside(in: directory, because: "\(error)", logger: logger)
            return try openIntact(in: directory)
        }
    }

    static func isDamage(_ error: DatabaseError) -> Bool {
        error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
    }

    /// Renames the database to `profiles.sqlite.damaged`, replacing one that an earlier time left there, so that
    /// repeated damage cannot fill the disk.
    static func moveAside(in directory: String, because reason: String, logger: Logger) throws {
        let source = path(in: directory)
        for companion in companions {
            let target = "\(source).damaged\(companion)"
            unlink(target)
            guard rename(source + companion, target) == 0 || errno == ENOENT else {
                throw StoreError.cannotCreateDirectory(
                    path: directory, reason: "cannot rename \(source + companion): \(String(cString: strerror(errno)))")
            }
        }
        logger.error(
            "profile store was damaged; moved aside, starting an empty one",
            metadata: ["reason": "\(reason)", "moved_to": "\(source).damaged"])
    }

    private static func openIntact(in directory: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "ProfileStore"
        // The page asks two things at a time; each query may take tens of megabytes.
        configuration.maximumReaderCount = 2
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            if !database.configuration.readonly {
                // Before the first table is made; without effect afterwards.
                try database.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                try database.execute(sql: "PRAGMA synchronous = NORMAL")
                try database.execute(sql: "PRAGMA journal_size_limit = 33554432")
            }
            try database.execute(sql: "PRAGMA cache_size = -4096")
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
        }
        let path = path(in: directory)
        let pool = try DatabasePool(path: path, configuration: configuration)
        try pool.write { database in try Schema.prepare(database, path: path) }
        return pool
    }
}
