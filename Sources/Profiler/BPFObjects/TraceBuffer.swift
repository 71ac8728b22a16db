import CLibBPF
import Glibc

/// The way of records from the kernel: a ring buffer, or per-CPU perf buffers on kernels before 5.8.
///
/// Not Sendable: one thread polls. The handler runs on that thread, within `poll`.
public final class TraceBuffer {
    /// Receives one record; the bytes are only valid during the call.
    public typealias Handler = (UnsafeRawBufferPointer) -> Void

    private final class Receiver {
        let handler: Handler
        var lost: UInt64 = 0
        init(_ handler: @escaping Handler) { self.handler = handler }
    }

    private enum Transport {
        case ring(OpaquePointer)
        case perf(OpaquePointer)
    }

    private let transport: Transport
    private let receiver: Receiver

    /// Records that the kernel dropped because a perf buffer was full. (A full ring buffer is counted by the programs.)
    public var lostRecords: UInt64 { receiver.lost }

    init(map: BPFMap, isRingBuffer: Bool, perfPages: Int, handler: @escaping Handler) throws(BPFError) {
        let receiver = Receiver(handler)
        self.receiver = receiver
        let context = Unmanaged.passUnretained(receiver).toOpaque()
        if isRingBuffer {
            guard let ring = ring_buffer__new(map.descriptor, TraceBuffer.ringRecord, context, nil) else {
                throw BPFError(action: "map the ring buffer", errorNumber: errno)
            }
            transport = .ring(ring)
        } else {
            guard
                let perf = perf_buffer__new(
                    map.descriptor, perfPages, TraceBuffer.perfRecord, TraceBuffer.perfLost, context, nil)
            else { throw BPFError(action: "open the perf buffers", errorNumber: errno) }
            transport = .perf(perf)
        }
    }

    deinit {
        switch transport {
        case .ring(let ring): ring_buffer__free(ring)
        case .perf(let perf): perf_buffer__free(perf)
        }
    }

    /// A descriptor that becomes readable when the kernel wants the buffer read at once; for epoll.
    public var pollDescriptor: Int32 {
        switch transport {
        case .ring(let ring): ring_buffer__epoll_fd(ring)
        case .perf(let perf): perf_buffer__epoll_fd(perf)
        }
    }

    /// Hands over everything that is there, without waiting.
    public func consume() throws(BPFError) {
        let result: Int32 =
            switch transport {
            case .ring(let ring): ring_buffer__consume(ring)
            case .perf(let perf): perf_buffer__consume(perf)
            }
        if result < 0, -result != EINTR, -result != EAGAIN {
            throw BPFError(action: "read the trace buffer", errorNumber: -result)
        }
    }

    // Functions without captures and without isolation: the kernel's reader calls them on its own thread.
    private static let ringRecord: ring_buffer_sample_fn = { context, data, size in
        guard let context, let data else { return 0 }
        Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue()
            .handler(UnsafeRawBufferPointer(start: data, count: Int(size)))
        return 0
    }

    private static let perfRecord: perf_buffer_sample_fn = { context, _, data, size in
        guard let context, let data else { return }
        Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue()
            .handler(UnsafeRawBufferPointer(start: data, count: Int(size)))
    }

    private static let perfLost: perf_buffer_lost_fn = { context, _, count in
        guard let context else { return }
        Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue().lost &+= count
    }
}
