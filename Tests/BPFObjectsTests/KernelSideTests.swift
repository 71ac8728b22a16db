import CBPFInterface
import Glibc
import LiveSupport
import Testing

@testable import BPFObjects

@Suite(.serialized) struct KernelSideTests {
    static let variants: [KernelFeatures] = [
        .probe(),
        // As a kernel of the 5.4 age: perf buffers and the one old read helper (on arm64 it never read user memory).
        KernelFeatures(hasRingBuffer: false, hasProbeReadUser: !isX86),
    ]

    static var isX86: Bool {
        #if arch(x86_64)
        true
        #else
        false
        #endif
    }

    /// Stacks lie at the top of user addresses: of 39 bits (4 KiB pages, small kernels), 42, 47 and 48 bits.
    @Test func pointerMaskCoversUserAddressesOnly() {
        #expect(KernelSide.pointerMask(forStackAddress: 0x0000_007f_fc12_3450) == 1 << 39 - 1)
        #expect(KernelSide.pointerMask(forStackAddress: 0x0000_03ff_fc12_3450) == 1 << 42 - 1)
        #expect(KernelSide.pointerMask(forStackAddress: 0x0000_7fff_fc12_3450) == 1 << 47 - 1)
        #expect(KernelSide.pointerMask(forStackAddress: 0x0000_ffff_fc12_3450) == 1 << 48 - 1)
        #expect(KernelSide.pointerMask(forStackAddress: 0) == 1 << 48 - 1)
        // This machine's: the C library's code and the stack pass.
        let mask = KernelSide.pointerMask(forStackAddress: KernelSide.initialStackAddress)
        #expect((39...57).contains(mask.trailingZeroBitCount + mask.nonzeroBitCount))
        withUnsafePointer(to: 0) { #expect(UInt64(UInt(bitPattern: $0)) & ~mask == 0) }
    }

    /// Samples of this busy process arrive, by either transport, with kernel and user registers found.
    @Test(.enabled(if: try Live.has(.root, .bpf, .perfEvents)), arguments: variants)
    func samplesArrive(features: KernelFeatures) throws {
        let kernel = try KernelSide(options: .init(traceBufferBytes: 64 << 20, features: features))
        let failure = kernel.taskLayoutFailure.map { "\($0)" }
        #expect(failure == nil)
        #expect(kernel.taskLayout?.threadPointerOffset != nil)
        #expect(kernel.framesPerCall == 34)
        var headers: [trace_header] = []
        var unaligned = 0
        let buffer = try kernel.makeTraceBuffer { bytes in
            guard bytes.count >= MemoryLayout<trace_header>.size else { return }
            if Int(bitPattern: bytes.baseAddress) & 7 != 0 { unaligned += 1 }
            headers.append(bytes.loadUnaligned(as: trace_header.self))
        }
        for cpu in 0..<sysconf(Int32(_SC_NPROCESSORS_ONLN)) {
            try buffer.start(cpu: cpu)
            try kernel.startSampling(cpu: cpu, samplesPerSecond: 999)
        }
        // Time of this thread, not of the clock: other programs may want the CPUs too.
        var now = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        let end = now.tv_sec * 1_000_000_000 + now.tv_nsec + 500_000_000
        var calls = 0
        while now.tv_sec * 1_000_000_000 + now.tv_nsec < end {
            _ = getppid()
            calls += 1
            if calls % 1000 == 0 { try buffer.consume() }
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        }
        try buffer.consume()
        let own = headers.filter { $0.pid == UInt32(getpid()) }
        #expect(own.count > 50)
        #expect(unaligned == 0)
        // Not yet known to the kernel side: registers and stack come along.
        #expect(own.allSatisfy { $0.kind == UInt32(RECORD_STACK_SNAPSHOT.rawValue) })
        #expect(own.contains { $0.flags & UInt16(TRACE_IN_KERNEL.rawValue) != 0 && $0.kernel_frame_count > 0 })
        let counters = try kernel.readCounters()
        #expect(counters[Int(COUNTER_SAMPLES.rawValue)] >= UInt64(headers.count))
        #expect(counters[Int(COUNTER_OUTPUT_FAILED.rawValue)] == 0)
        #expect(buffer.lostRecords == 0)
        #expect(calls > 0)
    }

    /// The unwinders of managed runtimes pass this kernel's verifier without doing less in one call for it.
    @Test(
        .enabled(if: try Live.has(.root, .bpf, .perfEvents)), arguments: variants,
        ["python", "ruby", "php", "perl", "beam", "v8", "dotnet", "jvm"])
    func unwindersOfRuntimesPassTheVerifier(features: KernelFeatures, name: String) throws {
        let kernel = try KernelSide(options: .init(traceBufferBytes: 1 << 20, features: features))
        let unwinder = try kernel.unwinderLoader.load(
            object: name, program: "unwind_\(name)", slot: UNWINDER_FIRST_RUNTIME.rawValue, processesMap: "\(name)_processes")
        #expect(unwinder.framesPerCall == 36)
    }
}
