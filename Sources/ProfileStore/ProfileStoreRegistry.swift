import Foundation
import Logging
import Synchronization

/// The stores that are open in this process, by directory.
///
/// An exporter that writes and a viewer that reads name the same directory and so share one store. Whoever comes first
/// opens it. Each `open` needs one `close`; the last one closes the database.
public final class ProfileStoreRegistry: Sendable {
    public static let shared = ProfileStoreRegistry()

    private struct Entry {
        var task: Task<ProfileStore, any Error>
        var users: Int
        var isWritten: Bool
    }

    private let entries = Mutex<[String: Entry]>([:])

    public init() {}

    /// - Parameter writes: the opener stores profiles, so its retention holds; a mere reader's does only until then.
    public func open(_ configuration: StoreConfiguration, writes: Bool, logger: Logger) async throws -> ProfileStore {
        let key = Self.key(configuration.directory)
        let task = entries.withLock { entries in
            if var entry = entries[key] {
                entry.users += 1
                entry.isWritten = entry.isWritten || writes
                entries[key] = entry
                return entry.task
            }
            let task = Task { try await ProfileStore.open(configuration, logger: logger) }
            entries[key] = Entry(task: task, users: 1, isWritten: writes)
            return task
        }
        do {
            let store = try await task.value
            if writes { store.apply(configuration) }
            return store
        } catch {
            entries.withLock { $0[key] = nil }
            throw error
        }
    }

    /// Directories of the open stores that somebody writes to, in alphabetical order.
    public var writtenDirectories: [String] {
        entries.withLock { entries in entries.filter(\.value.isWritten).keys.sorted() }
    }

    public func close(_ store: ProfileStore) async {
        let key = Self.key(store.configuration.directory)
        let isLast = entries.withLock { entries in
            guard var entry = entries[key] else { return false }
            entry.users -= 1
            entries[key] = entry.users > 0 ? entry : nil
            return entry.users == 0
        }
        if isLast { await store.close() }
    }

    /// Two spellings of one folder give one key.
    static func key(_ directory: String) -> String {
        URL(fileURLWithPath: directory).standardizedFileURL.resolvingSymlinksInPath().path
    }
}
