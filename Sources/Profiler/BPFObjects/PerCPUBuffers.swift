import CBPFSupport
import CLibBPF
import CPerfEvents
import Glibc

/// The buffers of a perf event array, one for each CPU that is sampled: they come and go with their CPUs.
///
/// Not Sendable: one thread uses it, and the handlers run on that thread.
final class PerCPUBuffers {
    final class Receiver {
        let handler: TraceBuffer.Handler
        var lost: UInt64 = 0
        /// Room for one record of the largest size that perf has. In perf's buffer its data begin at an odd multiple of
        /// four bytes, behind their length.
        private let aligned = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)

        init(_ handler: @escaping TraceBuffer.Handler) { self.handler = handler }

        deinit { aligned.deallocate() }

        func handle(_ data: UnsafeRawBufferPointer) {
            guard data.count <= aligned.count else { return }
            aligned.copyMemory(from: data)
            handler(UnsafeRawBufferPointer(rebasing: aligned[..<data.count]))
        }
    }

    let receiver: Receiver
    private let map: BPFMap
    private let pages: Int
    private var buffers: [Int: OpaquePointer] = [:]
    /// Readable when one of the buffers wants to be read at once.
    let pollDescriptor: Int32

    /// - Parameter pages: of each buffer, a power of two; fewer where the limit of locked memory allows no more.
    init(map: BPFMap, pages: Int, handler: @escaping TraceBuffer.Handler) throws(BPFError) {
        self.map = map
        self.pages = pages
        receiver = Receiver(handler)
        let descriptor = otelcol_epoll_create()
        if descriptor < 0 { throw BPFError(action: "create an epoll descriptor", errorNumber: -descriptor) }
        pollDescriptor = descriptor
    }

    deinit {
        for buffer in buffers.values { perf_buffer__free(buffer) }
        Glibc.close(pollDescriptor)
    }

    var cpus: [Int] { buffers.keys.sorted() }

    func open(cpu: Int) throws(BPFError) {
        if buffers[cpu] != nil { return }
        var pages = self.pages
        while true {
            if let buffer = make(cpu: cpu, pages: pages) {
                let result = otelcol_epoll_add(pollDescriptor, perf_buffer__epoll_fd(buffer))
                if result < 0 {
                    perf_buffer__free(buffer)
                    throw BPFError(action: "watch the perf buffer of CPU \(cpu)", errorNumber: -result)
                }
                buffers[cpu] = buffer
                return
            }
            let code = errno
            guard code == EPERM || code == ENOMEM, pages > 16 else {
                throw BPFError(
                    action: "open the perf buffer of CPU \(cpu)", errorNumber: code, call: "perf_event_open(2)")
            }
            pages /= 2
        }
    }

    private func make(cpu: Int, pages: Int) -> OpaquePointer? {
        var attributes = perf_event_attr()
        attributes.size = UInt32(MemoryLayout<perf_event_attr>.size)
        attributes.type = UInt32(PERF_TYPE_SOFTWARE.rawValue)
        attributes.config = UInt64(PERF_COUNT_SW_BPF_OUTPUT.rawValue)
        attributes.sample_type = UInt64(PERF_SAMPLE_RAW.rawValue)
        attributes.sample_period = 1
        attributes.wakeup_events = 1
        var number = Int32(truncatingIfNeeded: cpu)
        var key = number
        var options = perf_buffer_raw_opts()
        options.sz = MemoryLayout<perf_buffer_raw_opts>.size
        options.cpu_cnt = 1
        bpf_log_start()
        return withUnsafeMutablePointer(to: &number) { number in
            withUnsafeMutablePointer(to: &key) { key in
                options.cpus = number
                options.map_keys = key
                return perf_buffer__new_raw(
                    map.descriptor, pages, &attributes, PerCPUBuffers.receive,
                    Unmanaged.passUnretained(receiver).toOpaque(), &options)
            }
        }
    }

    /// Hands over what is left in the buffer of a CPU, and closes it.
    func close(cpu: Int) {
        guard let buffer = buffers.removeValue(forKey: cpu) else { return }
        perf_buffer__consume(buffer)
        perf_buffer__free(buffer)
    }

    /// - Returns: 0 or a negative errno.
    func consume() -> Int32 {
        var failure: Int32 = 0
        for buffer in buffers.values {
            let result = perf_buffer__consume(buffer)
            if result < 0 { failure = result }
        }
        return failure
    }

    /// Without captures and without isolation: libbpf calls it on the reading thread. The records are those of
    /// perf_event_open(2), "MMAP layout": PERF_RECORD_SAMPLE with PERF_SAMPLE_RAW, and PERF_RECORD_LOST.
    private static let receive: perf_buffer_event_fn = { context, _, record in
        guard let context, let record else { return LIBBPF_PERF_EVENT_CONT }
        let receiver = Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue()
        let headerBytes = MemoryLayout<perf_event_header>.size
        let bytes = UnsafeRawBufferPointer(start: record, count: Int(record.pointee.size))
        switch record.pointee.type {
        case UInt32(PERF_RECORD_SAMPLE.rawValue):
            guard bytes.count >= headerBytes + 4 else { break }
            let size = Int(bytes.loadUnaligned(fromByteOffset: headerBytes, as: UInt32.self))
            let data = bytes.dropFirst(headerBytes + 4).prefix(size)
            receiver.handle(UnsafeRawBufferPointer(rebasing: data))
        case UInt32(PERF_RECORD_LOST.rawValue):
            guard bytes.count >= headerBytes + 16 else { break }
            receiver.lost &+= bytes.loadUnaligned(fromByteOffset: headerBytes + 8, as: UInt64.self)
        default: break
        }
        return LIBBPF_PERF_EVENT_CONT
    }
}
