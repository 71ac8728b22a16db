import Collector
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs work that blocks on a thread made for it, so that none of Swift's cooperative threads waits.
enum BlockingThread {
    private final class Work: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    /// - Parameter name: For the error.
    /// - Throws: What `body` throws, or `CollectorError` if the system has no more threads.
    static func run<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let work = Work { continuation.resume(with: Result(catching: body)) }
            let status = start(work)
            if status != 0 {
                continuation.resume(
                    throwing: CollectorError("cannot start a thread to \(name): \(String(cString: strerror(status)))"))
            }
        }
    }

    /// - Returns: 0, or an `errno` value; the work then does not run.
    private static func start(_ work: Work) -> Int32 {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        // Nobody joins it.
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        // Musl's default of 128 KiB is less than what loading the kernel side may need.
        pthread_attr_setstacksize(&attributes, 1 << 20)
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(work)
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, argument.toOpaque())
        if status != 0 { argument.release() }
        return status
    }
}
