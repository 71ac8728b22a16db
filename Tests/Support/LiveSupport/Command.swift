import Glibc

/// Runs a program to its end.
public enum Command {
    public enum Exit: Sendable, Hashable {
        case code(Int32)
        case signal(Int32)
    }

    public struct Failed: Error, CustomStringConvertible {
        public let arguments: [String]
        public let exit: Exit
        public let output: String
        public var description: String {
            "`\(arguments.joined(separator: " "))` ended with \(exit):\n\(output.suffix(4000))"
        }
    }

    /// Blocks the calling thread.
    /// - Returns: the standard output (and the standard error when asked for).
    /// - Throws: `Failed` unless the program ends with code 0.
    @discardableResult
    public static func runBlocking(
        _ arguments: [String], environment: [String: String] = [:], includingStandardError: Bool = true,
        folder: String? = nil
    ) throws -> String {
        let child = try ChildProcess(
            arguments, environment: environment, includingStandardError: includingStandardError, folder: folder)
        let output = try child.readToEnd()
        let exit = child.wait()
        guard exit == .code(0) else { throw Failed(arguments: arguments, exit: exit, output: output) }
        return output
    }

    /// As `runBlocking`, on a thread of its own.
    @discardableResult
    public static func run(
        _ arguments: [String], environment: [String: String] = [:], includingStandardError: Bool = true,
        folder: String? = nil
    ) async throws -> String {
        try await onThread {
            try runBlocking(
                arguments, environment: environment, includingStandardError: includingStandardError, folder: folder)
        }
    }
}

/// Runs blocking work on a new thread, so that Swift's cooperative pool is not held up.
public func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let job = Unmanaged.passRetained(Job { continuation.resume(with: Result(catching: work)) })
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let error = pthread_create(&thread, &attributes, Job.main, job.toOpaque())
        if error != 0 {
            job.release()
            continuation.resume(throwing: SystemError("pthread_create", code: error))
        }
    }
}

private final class Job: Sendable {
    let work: @Sendable () -> Void
    init(work: @escaping @Sendable () -> Void) { self.work = work }

    static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().work() }
        return nil
    }
}
