import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import ObjectFiles
import Symbolization
import Synchronization

/// Fetches debug files by build id from debuginfod servers, and keeps them on disk.
///
/// Asking never blocks. A few downloads run at a time, further questions wait, and beyond a bound they are answered with
/// nothing. Source of the protocol: debuginfod(8), "WEBAPI".
public final class DebuginfodClient: DebugFileProvider {
    public typealias Log = @Sendable (String) -> Void
    private typealias Completion = @Sendable (String?) -> Void

    private struct State {
        var waiting: [BuildID: [Completion]] = [:]
        var queue: [BuildID] = []
        var running = 0
        /// Servers that have failed, each told of once.
        var toldOf: Set<String> = []
    }

    private enum Outcome {
        case file(String)
        case missing
        case failed
    }

    private struct Problem: Error, CustomStringConvertible {
        var description: String
    }

    private static let waitingLimit = 1024

    private let settings: DebuginfodSettings
    private let cache: DebuginfodCache
    private let log: Log
    private let state = Mutex(State())

    public init(_ settings: DebuginfodSettings, log: @escaping Log) {
        self.settings = settings
        self.log = log
        cache = DebuginfodCache(
            folder: settings.cacheFolder, limitBytes: settings.cacheLimitBytes, missingFor: settings.missingFor)
    }

    public func debugFile(of buildID: BuildID, _ completion: @escaping @Sendable (String?) -> Void) {
        // What is no build id is no part of a path either; GNU's have 8 to 20 bytes, others up to 64.
        let isAccepted = (2...64).contains(buildID.bytes.count) && state.withLock { state in
            if state.waiting[buildID] != nil {
                state.waiting[buildID]?.append(completion)
                return true
            }
            guard state.waiting.count < Self.waitingLimit else { return false }
            state.waiting[buildID] = [completion]
            state.queue.append(buildID)
            return true
        }
        guard isAccepted else { return completion(nil) }
        startNext()
    }

    private func startNext() {
        let next = state.withLock { state -> BuildID? in
            guard state.running < max(1, settings.concurrency), !state.queue.isEmpty else { return nil }
            state.running += 1
            return state.queue.removeFirst()
        }
        guard let next else { return }
        Task {
            let path = await fetch(next)
            let waiting = state.withLock { state in
                state.running -= 1
                return state.waiting.removeValue(forKey: next) ?? []
            }
            for completion in waiting { completion(path) }
            startNext()
        }
    }

    // MARK: - One file

    private func fetch(_ id: BuildID) async -> String? {
        switch await blocking({ [cache] in cache.entry(id) }) ?? nil {
        case .file(let path): return path
        case .missing: return nil
        case nil: break
        }
        var isMissing = true
        for url in settings.urls {
            switch await fetch(id, from: url) {
            case .file(let path): return path
            case .missing: break
            case .failed: isMissing = false
            }
        }
        if isMissing { _ = await blocking { [cache] in cache.noteMissing(id) } }
        return nil
    }

    /// The client's own deadline ends with the head of the answer.
    private func fetch(_ id: BuildID, from server: String) async -> Outcome {
        let timeout = settings.timeout
        do {
            return try await withThrowingTaskGroup(of: Outcome.self) { group in
                defer { group.cancelAll() }
                group.addTask { try await self.download(id, from: server) }
                group.addTask {
                    try await Task.sleep(for: timeout)
                    throw Problem(description: "it took longer than \(timeout)")
                }
                return try await group.next() ?? .failed
            }
        } catch {
            tell(server, "\(error)")
            return .failed
        }
    }

    private func download(_ id: BuildID, from server: String) async throws -> Outcome {
        let base = server.hasSuffix("/") ? String(server.dropLast()) : server
        var request = HTTPClientRequest(url: "\(base)/buildid/\(id.hex)/debuginfo")
        request.headers.add(name: "user-agent", value: "otelcol")
        request.headers.add(name: "x-debuginfod-maxsize", value: "\(settings.fileLimitBytes)")
        let response = try await HTTPClient.shared.execute(request, timeout: TimeAmount(settings.timeout))
        switch response.status {
        case .ok: break
        // 406: larger than the server was told to send.
        case .notFound, .notAcceptable: return .missing
        default: throw Problem(description: "it answered with status \(response.status.code)")
        }
        if let length = response.headers.first(name: "content-length").flatMap({ Int($0) }),
            length > settings.fileLimitBytes
        {
            return .missing
        }
        return try await store(response, id)
    }

    private func store(_ response: HTTPClientResponse, _ id: BuildID) async throws -> Outcome {
        let file = try await onPool { [cache] in try cache.makeTemporaryFile(for: id) }
        var isWhole = false
        var size = 0
        do {
            for try await part in response.body {
                size += part.readableBytes
                if size > settings.fileLimitBytes { break }
                try await onPool { try Self.append(part, to: file.descriptor) }
            }
            isWhole = size <= settings.fileLimitBytes
        } catch {
            await discard(file)
            throw error
        }
        guard isWhole else {
            await discard(file)
            return .missing
        }
        // To its end, even when the time is over meanwhile: all of the file is there.
        let path = try await Task {
            try await onPool { [cache] in
                close(file.descriptor)
                return cache.keep(file.path, for: id)
            }
        }.value
        guard let path else { throw Problem(description: "what it sent is no debug file of build id \(id)") }
        return .file(path)
    }

    private static func append(_ part: ByteBuffer, to descriptor: Int32) throws {
        try part.withUnsafeReadableBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw BinarySourceError(.readFailed(errno: errno))
                }
                done += count
            }
        }
    }

    private func discard(_ file: (descriptor: Int32, path: String)) async {
        // A task of its own: one that was cancelled does nothing more on the pool.
        await Task {
            _ = await blocking {
                close(file.descriptor)
                unlink(file.path)
            }
        }.value
    }

    private func tell(_ server: String, _ problem: String) {
        let isFirst = state.withLock { $0.toldOf.insert(server).inserted }
        if isFirst { log("debug files from \(server) are not to be had: \(problem)") }
    }

    // MARK: - Files, off the cooperative pool

    private func onPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await NIOThreadPool.singleton.runIfActive(work)
    }

    /// Nil when the pool does not run any more.
    private func blocking<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value? {
        try? await NIOThreadPool.singleton.runIfActive(work)
    }
}
