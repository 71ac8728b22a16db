import CLibBPF
import Glibc

/// The way of records from the kernel: a ring buffer, or a perf buffer for each CPU on kernels before 5.8.
///
/// Not Sendable: one thread reads. The handler runs on that thread, within `consume` and `stop`.
public final class TraceBuffer {
    /// Receives one record, aligned to eight bytes; the bytes are only valid during the call.
    public typealias Handler = (UnsafeRawBufferPointer) -> Void

    private final class Receiver {
        let handler: Handler
        init(_ handler: @escaping Handler) { self.handler = handler }
    }

    private enum Transport {
        case ring(OpaquePointer, Receiver)
        case perf(PerCPUBuffers)
    }

    private let transport: Transport

    /// Records that the kernel dropped because a perf buffer was full. (A full ring buffer is counted by the programs.)
    public var lostRecords: UInt64 {
        switch transport {
        case .ring: 0
        case .perf(let buffers): buffers.receiver.lost
        }
    }

    init(map: BPFMap, isRingBuffer: Bool, perfPages: Int, handler: @escaping Handler) throws(BPFError) {
        guard isRingBuffer else {
            transport = .perf(try PerCPUBuffers(map: map, pages: perfPages, handler: handler))
            return
        }
        let receiver = Receiver(handler)
        let context = Unmanaged.passUnretained(receiver).toOpaque()
        guard let ring = ring_buffer__new(map.descriptor, TraceBuffer.ringRecord, context, nil) else {
            throw BPFError(action: "map the ring buffer", errorNumber: errno)
        }
        transport = .ring(ring, receiver)
    }

    deinit {
        if case .ring(let ring, _) = transport { ring_buffer__free(ring) }
    }

    /// Makes room for the records of a CPU; to be called before it is sampled.
    public func start(cpu: Int) throws(BPFError) {
        if case .perf(let buffers) = transport { try buffers.open(cpu: cpu) }
    }

    /// To be called when a CPU is sampled no longer, or was offline: its last records are handed over.
    public func stop(cpu: Int) {
        if case .perf(let buffers) = transport { buffers.close(cpu: cpu) }
    }

    /// A descriptor that becomes readable when the kernel wants the buffer read at once; for epoll.
    public var pollDescriptor: Int32 {
        switch transport {
        case .ring(let ring, _): ring_buffer__epoll_fd(ring)
        case .perf(let buffers): buffers.pollDescriptor
        }
    }

    /// Hands over everything that is there, without waiting.
    public func consume() throws(BPFError) {
        let result: Int32 =
            switch transport {
            case .ring(let ring, _): ring_buffer__consume(ring)
            case .perf(let buffers): buffers.consume()
            }
        if result < 0, -result != EINTR, -result != EAGAIN {
            throw BPFError(action: "read the trace buffer", errorNumber: -result)
        }
    }

    // A function without captures and without isolation: the kernel's reader calls it on its own thread.
    private static let ringRecord: ring_buffer_sample_fn = { context, data, size in
        guard let context, let data else { return 0 }
        Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue()
            .handler(UnsafeRawBufferPointer(start: data, count: Int(size)))
        return 0
    }
}
