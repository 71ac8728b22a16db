import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The writing end of the pipe that signal handlers write to. Set once before the handlers are installed; a handler
/// may do nothing but read it and call `write`.
private nonisolated(unsafe) var signalPipeWriter: Int32 = -1

/// Turns signals of the operating system into calls on a thread of its own.
///
/// Handlers, not blocked or ignored signals: those would be inherited by child processes.
enum SignalListener {
    /// Begins to listen. Called once per process.
    ///
    /// - Parameter handle: Called on the listening thread with the signal's number.
    /// - Throws: `CollectorError` if the operating system refuses a pipe or thread.
    static func listen(
        for signals: [Int32], _ handle: @escaping @Sendable (Int32) -> Void
    ) throws(CollectorError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw CollectorError("cannot listen for signals: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let reader = ends[0]
        // A full pipe must not block a handler.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        signalPipeWriter = ends[1]

        try startThread {
            var number: UInt8 = 0
            while true {
                let count = read(reader, &number, 1)
                if count == 1 { handle(Int32(number)) }
                if count == 0 || (count < 0 && errno != EINTR) { return }
            }
        }
        for signal in signals {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { signal in
                let saved = errno
                var number = UInt8(truncatingIfNeeded: signal)
                _ = write(signalPipeWriter, &number, 1)
                errno = saved
            }
            action.sa_flags = SA_RESTART
            sigaction(signal, &action, nil)
        }
    }

    /// Writing to a closed connection must give an error, not end the process.
    static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }
}

/// Runs blocking work on a detached thread of its own.
func startThread(_ body: @escaping @Sendable () -> Void) throws(CollectorError) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let result = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    guard result == 0 else {
        box.release()
        throw CollectorError("cannot start a thread: \(String(cString: strerror(result)))")
    }
    pthread_detach(thread)
}
