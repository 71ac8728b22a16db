import CBPFInterface
import CLibBPF
import Glibc
import Testing

@testable import BPFObjects

/// That the kernel side asks nothing of Linux 5.4 (arm64: 5.5) that it does not have, read off the compiled objects of
/// both architectures. That its verifier follows them, only such a kernel can show.
struct OldKernelTests {
    enum Architecture: String, CaseIterable { case x86_64, aarch64 }

    /// First kernels of the helpers, from bcc's docs/kernel-versions.md.
    static let firstKernels: [Int32: (name: String, version: (Int, Int))] = [
        1: ("map_lookup_elem", (3, 19)), 2: ("map_update_elem", (3, 19)), 3: ("map_delete_elem", (3, 19)),
        4: ("probe_read", (4, 1)), 5: ("ktime_get_ns", (4, 1)),
        7: ("get_prandom_u32", (4, 1)), 8: ("get_smp_processor_id", (4, 1)),
        12: ("tail_call", (4, 2)), 14: ("get_current_pid_tgid", (4, 2)), 16: ("get_current_comm", (4, 2)),
        25: ("perf_event_output", (4, 4)), 35: ("get_current_task", (4, 8)), 67: ("get_stack", (4, 18)),
        80: ("get_current_cgroup_id", (4, 18)), 112: ("probe_read_user", (5, 5)), 113: ("probe_read_kernel", (5, 5)),
        130: ("ringbuf_output", (5, 8)),
    ]
    /// BPF_MAXINSNS, `include/uapi/linux/bpf_common.h`: what any kernel takes, privileged or not.
    static let maximumInstructions = 4096
    static let names = ["sample", "native", "process_events", "task_layout"]

    static func object(_ name: String, _ architecture: Architecture) throws -> BPFObjectFile {
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "\(root)/Sources/Profiler/CBPFObjects/objects/\(name).\(architecture.rawValue).bpf.o"
        let file = try #require(fopen(path, "rb"), "\(path): run Scripts/build-bpf")
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return try BPFObjectFile(Array(bytes[..<count]))
    }

    static func settings(_ architecture: Architecture, isOld: Bool) -> [UInt8] {
        var settings = kernel_settings()
        settings.use_ring_buffer = isOld ? 0 : 1
        settings.has_probe_read_user = isOld && architecture == .x86_64 ? 0 : 1
        settings.frames_per_call = 5
        settings.pointer_mask = .max
        return withUnsafeBytes(of: settings) { Array($0) }
    }

    @Test(arguments: names, Architecture.allCases)
    func helpersAreThoseOfOldKernels(name: String, architecture: Architecture) throws {
        let object = try Self.object(name, architecture)
        #expect(!object.programs.isEmpty)
        let oldest = architecture == .x86_64 ? (5, 4) : (5, 5)
        for program in object.programs {
            let code = ReachableCode(program, settings: Self.settings(architecture, isOld: true))
            #expect(!code.helpers.isEmpty)
            for helper in code.helpers.sorted() {
                let known = try #require(Self.firstKernels[helper], "helper \(helper) in \(program.name)")
                #expect(known.version <= oldest, "\(known.name) in \(program.name)")
            }
        }
    }

    /// The search for dead branches is not what hides the helpers: with a newer kernel's settings the same code calls
    /// the newer ones, and the older no more.
    @Test(arguments: Architecture.allCases)
    func settingsChooseTheHelpers(architecture: Architecture) throws {
        func helpers(_ name: String, isOld: Bool) throws -> [String: Set<Int32>] {
            let settings = Self.settings(architecture, isOld: isOld)
            var result: [String: Set<Int32>] = [:]
            for program in try Self.object(name, architecture).programs {
                result[program.name] = ReachableCode(program, settings: settings).helpers
            }
            return result
        }
        let sample = try (old: helpers("sample", isOld: true), new: helpers("sample", isOld: false))
        let native = try (old: helpers("native", isOld: true), new: helpers("native", isOld: false))
        #expect(sample.new["finish"]?.isSuperset(of: [112, 113, 130]) == true)
        #expect(sample.new["finish"]?.isDisjoint(with: [4, 25]) == true)
        #expect(sample.old["finish"]?.contains(25) == true)
        #expect(sample.old["finish"]?.contains(130) == false)
        #expect(native.new["unwind_native"]?.contains(112) == true)
        #expect(native.new["unwind_native"]?.contains(4) == false)
        let read: Int32 = architecture == .x86_64 ? 4 : 112
        #expect(native.old["unwind_native"]?.contains(read) == true)
        #expect(try Self.object("sample", architecture).programs.map(\.name).sorted() == ["finish", "sample"])
    }

    @Test(arguments: names, Architecture.allCases)
    func instructionsAreThoseOfOldKernels(name: String, architecture: Architecture) throws {
        let object = try Self.object(name, architecture)
        // Kernels without BTF refuse the whole object for one such relocation.
        #expect(object.relocationsAgainstKernelTypes == 0)
        for program in object.programs {
            #expect(program.instructions.count <= Self.maximumInstructions, "\(program.name)")
            var place = 0
            while place < program.instructions.count {
                let instruction = program.instructions[place]
                let text = "\(program.name) at \(place): \(instruction)"
                switch instruction.opcode & 7 {
                case 5:
                    // Functions of programs that also make tail calls came with 5.10; kernel functions with 5.13.
                    if instruction.opcode == 0x85 { #expect(instruction.source == 0, "\(text)") }
                    // Jumps of 32-bit comparisons are 5.1's, but are followed worse by verifiers of that age.
                case 6: Issue.record("\(text)")
                case 4, 7:
                    // Sign-extending moves and signed division have an offset, unconditional swaps are new: 6.6.
                    #expect(instruction.offset == 0 && instruction.opcode != 0xd7, "\(text)")
                case 3 where instruction.opcode & 0xe0 == 0xc0:
                    // Atomic additions without fetching are old, all other atomics are 5.12's.
                    #expect(instruction.immediate == 0, "\(text)")
                case 1:
                    // Sign-extending loads: 6.6.
                    #expect(instruction.opcode & 0xe0 == 0x60, "\(text)")
                default: break
                }
                place += instruction.isWide ? 2 : 1
            }
        }
    }

    /// Opening an object needs no privilege; only loading does.
    @Test(arguments: names)
    func mapsAreThoseOfOldKernels(name: String) throws {
        var options = KernelSide.Options(features: KernelFeatures(hasRingBuffer: false, hasProbeReadUser: false))
        options.traceBufferBytes = 64 << 20
        let object = try BPFObject(named: name)
        try KernelSide.configure(object, options)
        let perCPU: Set<UInt32> = [BPF_MAP_TYPE_PERCPU_ARRAY.rawValue]
        let others: Set<UInt32> = [
            BPF_MAP_TYPE_HASH.rawValue, BPF_MAP_TYPE_ARRAY.rawValue, BPF_MAP_TYPE_PROG_ARRAY.rawValue,
            BPF_MAP_TYPE_PERF_EVENT_ARRAY.rawValue, BPF_MAP_TYPE_ARRAY_OF_MAPS.rawValue,
        ]
        for (name, map) in object.maps() {
            let type = bpf_map__type(map).rawValue
            #expect(perCPU.contains(type) || others.contains(type), "\(name) is of type \(type)")
            // Per-CPU memory comes in units of at most 32 KiB; an update from user space allocates a copy.
            #expect(bpf_map__value_size(map) <= (perCPU.contains(type) ? 32 : 64) << 10, "\(name)")
            // Preallocated: perf_event programs may use other hash maps from 6.1 on only. Read-only data has
            // BPF_F_RDONLY_PROG, Linux 5.2, and BPF_F_MMAPABLE, 5.5's, which libbpf leaves out where it is not known.
            let flags = bpf_map__map_flags(map) & ~UInt32(BPF_F_RDONLY_PROG | BPF_F_MMAPABLE)
            #expect(flags == 0, "\(name) has flags \(flags)")
        }
    }
}
