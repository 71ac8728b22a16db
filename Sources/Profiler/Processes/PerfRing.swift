import BinaryReading
import CPerfEvents
import Glibc

/// The mapped ring of one perf event, read by us and written by the kernel (perf_event_open(2), "MMAP layout").
/// Belongs to one thread.
final class PerfRing {
    let cpu: Int
    private let event: OwnedFileDescriptor
    private let base: UnsafeMutableRawPointer
    private let mappedBytes: Int
    private let dataBytes: Int
    private let pageBytes: Int
    private var scratch: [UInt8] = []

    var descriptor: Int32 { event.rawValue }

    /// Maps the ring of `event`.
    /// - Parameter pages: a power of two; fewer are taken where the limit of locked memory allows no more.
    init(event: consuming OwnedFileDescriptor, cpu: Int, pages: Int) throws(PerfEventError) {
        pageBytes = sysconf(Int32(_SC_PAGESIZE))
        var pages = pages
        while true {
            let bytes = (pages + 1) * pageBytes
            let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, event.rawValue, 0)
            if let address, address != UnsafeMutableRawPointer(bitPattern: -1) {
                base = address
                mappedBytes = bytes
                dataBytes = pages * pageBytes
                break
            }
            guard errno == EPERM || errno == ENOMEM, pages > 1 else {
                throw PerfEventError(.map, cpu: cpu, errno: errno)
            }
            pages /= 2
        }
        self.event = event
        self.cpu = cpu
    }

    deinit {
        munmap(base, mappedBytes)
    }

    /// How long the event has been counting, in nanoseconds. It stands still for good once its CPU has been offline, be
    /// that back or not: the kernel takes events off a CPU that goes and does not put them back.
    func enabledNanoseconds() -> UInt64 {
        // With PERF_FORMAT_TOTAL_TIME_ENABLED: the count, and the time (perf_event_open(2), "Reading results").
        var values: (count: UInt64, enabled: UInt64) = (0, 0)
        let bytes = withUnsafeMutableBytes(of: &values) { read(event.rawValue, $0.baseAddress, $0.count) }
        return bytes == MemoryLayout.size(ofValue: values) ? values.enabled : 0
    }

    /// Hands every record that lies in the ring now to `body` and frees its room.
    /// - Returns: false when the ring's content made no sense; it was emptied.
    func drain(_ body: (inout ByteReader) -> Void) -> Bool {
        let head = otelcol_perf_ring_head(base)
        var tail = otelcol_perf_ring_tail(base)
        defer { otelcol_perf_ring_set_tail(base, head) }
        while tail < head {
            // Records are multiples of eight bytes, so a header never wraps.
            let offset = Int(tail & UInt64(dataBytes &- 1))
            let size = Int(base.load(fromByteOffset: pageBytes &+ offset &+ 6, as: UInt16.self))
            guard size >= 8, UInt64(size) <= head &- tail, size <= dataBytes else { return false }
            let first = min(size, dataBytes &- offset)
            let data = UnsafeRawBufferPointer(start: base + pageBytes, count: dataBytes)
            scratch.removeAll(keepingCapacity: true)
            scratch.append(contentsOf: data[offset..<(offset &+ first)])
            scratch.append(contentsOf: data[..<(size &- first)])
            scratch.withByteReader { body(&$0) }
            tail &+= UInt64(size)
        }
        return true
    }
}
