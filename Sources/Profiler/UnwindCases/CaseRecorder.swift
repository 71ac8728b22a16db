import BPFObjects
import CBPFInterface
import Glibc
import ObjectFiles
import Processes

/// Records cases from a live process: samples it with the kernel side, to which no process is made known, so that every
/// sample of it is a stack snapshot.
///
/// Needs what the profiler needs; blocks the calling thread.
public struct CaseRecorder {
    /// A process as it was sampled.
    private struct Sample {
        var registers: [UInt64]
        var stack: [UInt8]
        var traceFlags: UInt32
    }

    public var pid: Int32
    /// How many cases are wanted.
    public var count = 1
    /// Only stacks with a frame of this function, by a part of its name.
    public var function: String?
    public var comment = ""
    public var patienceNanoseconds: UInt64 = 10_000_000_000

    private static let samplesPerSecond: UInt64 = 499
    /// Samples taken up in one round of reading.
    private static let samplesPerRound = 64

    public init(pid: Int32) {
        self.pid = pid
    }

    /// Samples until `count` cases are complete, which `take` gets one by one.
    /// - Throws: when programs or the process cannot be read, or the cases do not come in time.
    public func record(_ take: (UnwindCase) throws -> Void) throws {
        let kernel = try KernelSide()
        let builder = CaseBuilder(
            architecture: .host, pointerMask: KernelSide.pointerMask, sources: try CaseRecorder.sources(of: pid))
        var samples: [Sample] = []
        let wanted = UInt32(bitPattern: pid)
        let buffer = try kernel.makeTraceBuffer { bytes in
            if samples.count < CaseRecorder.samplesPerRound, let sample = CaseRecorder.sample(bytes, of: wanted) {
                samples.append(sample)
            }
        }
        for cpu in try CPUList.online() {
            try buffer.start(cpu: cpu)
            try kernel.startSampling(cpu: cpu, samplesPerSecond: CaseRecorder.samplesPerSecond)
        }
        var found = 0
        var seen: Set<[UnwindCase.Frame]> = []
        let end = monotonicNanoseconds() &+ patienceNanoseconds
        while found < count {
            guard monotonicNanoseconds() < end else {
                throw CaseBuildingError(
                    description: "only \(found) of \(count) stacks came in time: is the process busy?")
            }
            usleep(20_000)
            samples.removeAll()
            try buffer.consume()
            for sample in samples where found < count {
                let new = try builder.build(
                    registers: sample.registers,
                    stackStart: sample.registers[UnwindCase.Architecture.host.stackPointer]
                        &- UInt64(ABI_RED_ZONE_BYTES),
                    stack: sample.stack, traceFlags: sample.traceFlags, comment: comment)
                if let function, !new.frames.contains(where: { $0.function?.contains(function) ?? false }) { continue }
                guard seen.insert(new.frames).inserted else { continue }
                try take(new)
                found += 1
            }
        }
    }

    /// The registers and stack of a `RECORD_STACK_SNAPSHOT` of the process; nil for any other record.
    private static func sample(_ bytes: UnsafeRawBufferPointer, of pid: UInt32) -> Sample? {
        let headerBytes = MemoryLayout<trace_header>.size
        guard bytes.count >= headerBytes else { return nil }
        let header = bytes.loadUnaligned(as: trace_header.self)
        guard header.kind == RECORD_STACK_SNAPSHOT.rawValue, header.pid == pid else { return nil }
        let registers = headerBytes + Int(header.word_count) * 8
        let stack = registers + Int(ABI_REGISTER_COUNT) * 8 + 8
        guard stack <= bytes.count else { return nil }
        let length = bytes.loadUnaligned(fromByteOffset: stack - 8, as: UInt64.self)
        guard length <= UInt64(bytes.count - stack) else { return nil }
        return Sample(
            registers: (0..<Int(ABI_REGISTER_COUNT)).map {
                bytes.loadUnaligned(fromByteOffset: registers + $0 * 8, as: UInt64.self)
            },
            stack: [UInt8](bytes[stack..<stack + Int(length)]), traceFlags: UInt32(header.flags))
    }

    private static func sources(of pid: Int32) throws -> [CaseBuilder.Source] {
        let proc = ProcFileSystem()
        return try proc.mappings(of: pid, thread: pid).mappings.map { mapping in
            var file: ELFFile?
            switch mapping.kind {
            case .file:
                if let opened = try? proc.openMappedFile(of: pid, thread: pid, mapping: mapping),
                    let reader = try? FileReader(owning: fcntl(opened.descriptor.rawValue, F_DUPFD_CLOEXEC, 0))
                {
                    file = try? ELFFile(reader)
                }
            case .vdso: file = VDSO.read().flatMap { try? ELFFile(MemorySource($0.image)) }
            case .anonymous: break
            }
            let name = mapping.path.split(separator: "/").last.map(String.init) ?? "[unnamed]"
            return CaseBuilder.Source(
                start: mapping.start, end: mapping.end, fileOffset: mapping.fileOffset, kind: mapping.kind.abiValue,
                name: mapping.kind == .vdso ? "[vdso]" : name, file: file)
        }
    }
}
