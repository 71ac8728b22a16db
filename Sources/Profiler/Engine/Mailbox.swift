import CEngineSupport
import Glibc
import Synchronization

/// A queue of messages to one thread, with a descriptor that is readable while messages wait.
///
/// Unbounded by itself: every kind of message is bounded by its sender, which the senders state.
final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Mutex<[Message]>([])
    /// An eventfd; for poll and epoll.
    let descriptor: Int32

    init() throws(EngineError) {
        descriptor = engine_eventfd()
        if descriptor < 0 { throw EngineError("cannot create an eventfd: \(String(cString: strerror(-descriptor)))") }
    }

    deinit { close(descriptor) }

    func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        var one: UInt64 = 1
        _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Takes all messages; blocks until there is one.
    func receive() -> [Message] {
        var count: UInt64 = 0
        while read(descriptor, &count, MemoryLayout<UInt64>.size) < 0, errno == EINTR {}
        return takeMessages()
    }

    /// Takes all messages without waiting.
    func receiveNow() -> [Message] {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&state, 1, 0) > 0 else { return [] }
        return receive()
    }

    private func takeMessages() -> [Message] {
        messages.withLock { messages in
            var taken: [Message] = []
            swap(&taken, &messages)
            return taken
        }
    }
}
