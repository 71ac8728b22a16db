import CEngineSupport
import Glibc

/// A thread of its own for work that blocks, which must not happen on Swift's cooperative pool.
final class DedicatedThread: Sendable {
    private let thread: pthread_t

    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void
        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts at once. The kernel shows the first 15 bytes of `name`.
    ///
    /// - Throws: `EngineError` when the system has no more threads.
    init(name: String, run: @escaping @Sendable () -> Void) throws(EngineError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 1 << 20)
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(name: name, run: run))
        let result = pthread_create(&thread, &attributes, DedicatedThread.main, body.toOpaque())
        if result != 0 {
            body.release()
            throw EngineError("cannot start the thread \(name): \(String(cString: strerror(result)))")
        }
        self.thread = thread
    }

    /// Waits until the thread has ended. Call once.
    func join() {
        pthread_join(thread, nil)
    }

    /// Waits until the thread has ended, or so long; then it ends when it will. Call once, instead of `join`.
    func join(withinMilliseconds milliseconds: UInt32) {
        engine_join_within(UInt(thread), milliseconds)
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        if let argument {
            let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
            engine_name_thread(body.name)
            body.run()
        }
        return nil
    }
}
