import CBPFInterface
import CBPFSupport
import CLibBPF
import CPerfEvents
import Glibc

/// Everything of ours that lives in the kernel: programs, maps, sampling events.
///
/// Not Sendable as a whole; the maps are. Closing it detaches and unloads everything.
public final class KernelSide {
    public struct Options: Sendable {
        /// Bytes of the buffer from kernel to user space; rounded up to a power of two of pages.
        public var traceBufferBytes: Int
        public var includeIdle: Bool
        /// Whether control groups will be left out as a whole.
        public var excludesGroups = false
        public var maximumProcesses: UInt32
        public var maximumMappings: UInt32
        public var maximumExecutables: UInt32
        public var features: KernelFeatures
        public var pidTranslation = PIDTranslation.none

        public init(
            traceBufferBytes: Int = 1 << 20, includeIdle: Bool = false, maximumProcesses: UInt32 = 4096,
            maximumMappings: UInt32 = 65536, maximumExecutables: UInt32 = 16384,
            features: KernelFeatures = .probe()
        ) {
            self.traceBufferBytes = traceBufferBytes
            self.includeIdle = includeIdle
            self.maximumProcesses = maximumProcesses
            self.maximumMappings = maximumMappings
            self.maximumExecutables = maximumExecutables
            self.features = features
        }
    }

    public let options: Options
    /// nil: could not be measured; samples in kernel mode have no user frames.
    public let taskLayout: TaskLayout?
    /// Why there is no `taskLayout`.
    public let taskLayoutFailure: BPFError?
    /// Native frames unwound per program call, as many as this kernel's verifier accepted.
    public let framesPerCall: UInt32

    public let processes: BPFMap
    /// By id of a control group.
    public let excludedGroups: BPFMap
    public let mappings: BPFMap
    public let executables: BPFMap
    public let unwindRules: BPFMap
    public let tables: TableChunks
    public let counters: BPFMap
    private let traces: BPFMap

    private var objects: [BPFObject] = []
    private var settings: kernel_settings
    private let sampleProgram: Int32
    private var execTracepoint: Int32 = -1
    /// Sampling event by CPU.
    private var events: [Int: Int32] = [:]

    /// Loads all programs; nothing is sampled yet.
    public init(options: Options = Options()) throws(BPFError) {
        self.options = options
        var settings = kernel_settings()
        settings.use_ring_buffer = options.features.hasRingBuffer ? 1 : 0
        settings.has_probe_read_user = options.features.hasProbeReadUser ? 1 : 0
        settings.include_idle = options.includeIdle ? 1 : 0
        settings.excludes_groups = options.excludesGroups ? 1 : 0
        settings.task_stack_offset = -1
        settings.thread_pointer_offset = -1
        settings.pointer_mask = KernelSide.pointerMask
        do throws(BPFError) {
            let layout = try TaskLayout.measure(settings: settings)
            settings.task_stack_offset = layout.taskStackOffset
            settings.stack_registers_offset = layout.stackRegistersOffset
            settings.thread_pointer_offset = layout.threadPointerOffset ?? -1
            taskLayout = layout
            taskLayoutFailure = nil
        } catch {
            taskLayout = nil
            taskLayoutFailure = error
        }

        if options.pidTranslation != .none {
            let layout = try PIDLayout.measure(settings: settings)
            let isExact = options.pidTranslation == .exact
            settings.pid_translation = isExact ? PID_TRANSLATION_EXACT.rawValue : PID_TRANSLATION_RECURSIVE.rawValue
            settings.thread_pid_offset = layout.threadPIDOffset
            settings.group_leader_offset = layout.groupLeaderOffset
            settings.pid_level_offset = layout.levelOffset
            settings.pid_numbers_offset = layout.numbersOffset
            settings.pid_level = layout.level
            settings.pid_namespace = layout.namespace
        }

        let sample = try BPFObject(named: "sample")
        try KernelSide.configure(sample, options)
        try sample.apply(settings)
        try sample.load()
        let shared = sample.maps().map { (name: $0.name, descriptor: bpf_map__fd($0.map)) }

        let native = try KernelSide.load("native", sharing: shared, &settings, framesPerCall: [34, 16, 8, 5])
        framesPerCall = settings.frames_per_call
        self.settings = settings

        processes = try sample.map(named: "processes")
        excludedGroups = try sample.map(named: "excluded_groups")
        mappings = try sample.map(named: "mappings")
        executables = try sample.map(named: "executables")
        unwindRules = try sample.map(named: "unwind_rules")
        tables = TableChunks(outer: try sample.map(named: "table_chunks"))
        counters = try sample.map(named: "counters")
        traces = try sample.map(named: "traces")
        sampleProgram = try sample.program(named: "sample")

        let unwinders = try sample.map(named: "unwinders")
        try unwinders.update(UInt32(UNWINDER_FINISH.rawValue), try sample.program(named: "finish"))
        try unwinders.update(UInt32(UNWINDER_NATIVE.rawValue), try native.program(named: "unwind_native"))

        let events = try KernelSide.load("process_events", sharing: shared, &settings, framesPerCall: [framesPerCall])
        execTracepoint = bpf_raw_tracepoint_open(
            "sched_process_exec", try events.program(named: "process_executed"))
        if execTracepoint < 0 {
            throw BPFError(action: "attach to the raw tracepoint sched_process_exec", errorNumber: -execTracepoint)
        }
        objects = [sample, native, events]
    }

    deinit {
        stopSampling()
        if execTracepoint >= 0 { close(execTracepoint) }
    }

    static func configure(_ sample: BPFObject, _ options: Options) throws(BPFError) {
        let cpus = libbpf_num_possible_cpus()
        if cpus < 0 { throw BPFError(action: "count the possible CPUs", errorNumber: -cpus) }
        for (name, map) in sample.maps() {
            switch name {
            case "rule_caches": bpf_map__set_max_entries(map, UInt32(cpus))
            case "traces":
                if options.features.hasRingBuffer {
                    bpf_map__set_max_entries(map, UInt32(roundedBufferBytes(options.traceBufferBytes)))
                } else {
                    bpf_map__set_type(map, BPF_MAP_TYPE_PERF_EVENT_ARRAY)
                    bpf_map__set_key_size(map, 4)
                    bpf_map__set_value_size(map, 4)
                    bpf_map__set_max_entries(map, UInt32(cpus))
                }
            case "processes": bpf_map__set_max_entries(map, options.maximumProcesses)
            case "mappings": bpf_map__set_max_entries(map, options.maximumMappings)
            case "executables": bpf_map__set_max_entries(map, options.maximumExecutables)
            default: break
            }
        }
    }

    /// What loads the unwinders of managed runtimes, on whichever thread; to be used while this object lives.
    public var unwinderLoader: UnwinderLoader {
        let shared = (objects.first?.maps() ?? []).map { (name: $0.name, descriptor: bpf_map__fd($0.map)) }
        return UnwinderLoader(settings: settings, shared: shared)
    }

    /// Loads a further object, its maps taken from `shared` where the names agree. Older verifiers give up on fewer
    /// repetitions than newer ones, so the choices of `framesPerCall` are tried in turn; `settings` tells which one served.
    static func load(
        _ name: String, sharing shared: [(name: String, descriptor: Int32)], _ settings: inout kernel_settings,
        framesPerCall: [UInt32]
    ) throws(BPFError) -> BPFObject {
        var failure = BPFError(action: "load the BPF object \"\(name)\"", errorNumber: EINVAL)
        for frames in framesPerCall {
            settings.frames_per_call = frames
            do throws(BPFError) {
                return try load(name, sharing: shared, settings)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private static func load(
        _ name: String, sharing shared: [(name: String, descriptor: Int32)], _ settings: kernel_settings
    ) throws(BPFError) -> BPFObject {
        let object = try BPFObject(named: name)
        for (name, map) in object.maps() {
            guard let lent = shared.first(where: { $0.name == name }), !name.contains(".") else { continue }
            let result = bpf_map__reuse_fd(map, lent.descriptor)
            if result != 0 { throw BPFError(action: "share map \(name)", errorNumber: -result) }
        }
        try object.apply(settings)
        try object.load()
        return object
    }

    private static func roundedBufferBytes(_ bytes: Int) -> Int {
        var rounded = Int(sysconf(Int32(_SC_PAGESIZE)))
        while rounded < bytes, rounded < 1 << 30 { rounded <<= 1 }
        return rounded
    }

    /// Address bits of a code pointer: arm64 may carry an authentication code above them.
    ///
    /// The code takes all bits from the size of user addresses on (`ptrauth_user_insn_pac_mask`,
    /// arch/arm64/include/asm/pointer_auth.h): bit 39, 42, 47 or 48 by the kernel's configuration. With 52-bit
    /// addresses too, programs get addresses of 48 bits unless they ask for more. The stack lies at the top of them,
    /// so that its address has all the bits that there are.
    public static let pointerMask: UInt64 = {
        #if arch(arm64)
        KernelSide.pointerMask(forStackAddress: KernelSide.initialStackAddress)
        #else
        .max
        #endif
    }()

    static var initialStackAddress: UInt64 { UInt64(otelcol_initial_stack_address()) }

    /// - Parameter address: in the initial stack; 0 when unknown.
    static func pointerMask(forStackAddress address: UInt64) -> UInt64 {
        address == 0 ? 1 << 48 - 1 : .max >> UInt64(address.leadingZeroBitCount)
    }

    // MARK: - Sampling

    /// Starts sampling on one CPU. A CPU that is sampled already is left as it is.
    public func startSampling(cpu: Int, samplesPerSecond: UInt64) throws(BPFError) {
        if events[cpu] != nil { return }
        var attributes = perf_event_attr()
        attributes.size = UInt32(MemoryLayout<perf_event_attr>.size)
        attributes.type = UInt32(PERF_TYPE_SOFTWARE.rawValue)
        attributes.config = UInt64(PERF_COUNT_SW_CPU_CLOCK.rawValue)
        attributes.freq = 1
        attributes.sample_freq = samplesPerSecond
        attributes.disabled = 1
        attributes.exclude_idle = options.includeIdle ? 0 : 1
        let event = otelcol_perf_event_open(&attributes, -1, Int32(cpu), -1, 0)
        if event < 0 {
            throw BPFError(
                action: "open a sampling event on CPU \(cpu)", errorNumber: -event, call: "perf_event_open(2)")
        }
        var result = otelcol_perf_event_set_bpf(event, sampleProgram)
        if result == 0 { result = otelcol_perf_event_enable(event) }
        if result < 0 {
            close(event)
            throw BPFError(action: "attach to the sampling event of CPU \(cpu)", errorNumber: -result)
        }
        events[cpu] = event
    }

    public func stopSampling(cpu: Int) {
        if let event = events.removeValue(forKey: cpu) { close(event) }
    }

    public func stopSampling() {
        for event in events.values { close(event) }
        events = [:]
    }

    public var sampledCPUs: [Int] { events.keys.sorted() }

    /// The buffer that traces arrive in; each CPU is to be announced to it before it is sampled.
    public func makeTraceBuffer(handler: @escaping TraceBuffer.Handler) throws(BPFError) -> TraceBuffer {
        // Perf buffers share the bytes, but none gets less than some seconds' worth of records.
        let cpus = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let share = KernelSide.roundedBufferBytes(max(options.traceBufferBytes / cpus, 256 << 10))
        return try TraceBuffer(
            map: traces, isRingBuffer: options.features.hasRingBuffer,
            perfPages: share / Int(sysconf(Int32(_SC_PAGESIZE))), handler: handler)
    }

    // MARK: - Counters

    /// All counters of `abi.h`, summed over the CPUs: `enum counter`, then one for each stop reason.
    public func readCounters() throws(BPFError) -> [UInt64] {
        let total = Int(COUNTER_TOTAL.rawValue)
        let cpus = max(1, Int(libbpf_num_possible_cpus()))
        var sums = [UInt64](repeating: 0, count: total)
        var values = [UInt64](repeating: 0, count: cpus)
        for counter in 0..<total {
            let found = try values.withUnsafeMutableBytesTyped { bytes throws(BPFError) in
                try counters.lookup(UInt32(counter), into: bytes)
            }
            if found { sums[counter] = values.reduce(0, &+) }
        }
        return sums
    }
}

extension Array where Element == UInt64 {
    fileprivate mutating func withUnsafeMutableBytesTyped<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws(BPFError) -> Result
    ) throws(BPFError) -> Result {
        try withUnsafeMutableBufferPointer { (buffer) throws(BPFError) in
            try body(UnsafeMutableRawBufferPointer(buffer))
        }
    }
}
