import Foundation
import Testing

@testable import Privileges

struct PrivilegesTests {
    static let old = KernelVersion(major: 5, minor: 4)
    static let new = KernelVersion(major: 6, minor: 1)
    static let least: [Capability] = [.bpf, .perfmon, .sysPtrace, .checkpointRestore, .dacReadSearch, .syslog]

    func privileges(_ capabilities: [Capability], _ kernel: KernelVersion = new) -> Privileges {
        Privileges(capabilities: CapabilitySet(capabilities), kernel: kernel)
    }

    @Test func theLeastAreEnough() {
        #expect(privileges(Self.least).obstacle == nil)
        #expect(privileges(Self.least).warnings == [])
        // One for all that came out of it, but not for those that always stood alone.
        #expect(privileges([.sysAdmin, .sysPtrace, .dacReadSearch]).obstacle == nil)
        #expect(privileges([.sysAdmin, .sysPtrace, .dacReadSearch], Self.old).obstacle == nil)
        #expect(privileges([.sysAdmin, .sysPtrace, .dacReadSearch], Self.old).warnings == [])
    }

    @Test(arguments: [Capability.bpf, .perfmon, .sysPtrace])
    func aMissingOneIsNamed(capability: Capability) throws {
        let obstacle = try #require(privileges(Self.least.filter { $0 != capability }).obstacle)
        #expect(obstacle.contains("needs \(capability), which"))
        #expect(!obstacle.contains("\n"))
    }

    @Test(arguments: [Capability.checkpointRestore, .dacReadSearch])
    func oneThatCanBeDoneWithoutIsAWarning(capability: Capability) {
        let less = privileges(Self.least.filter { $0 != capability })
        #expect(less.obstacle == nil)
        #expect(less.warnings.count == 1)
        #expect(less.warnings.allSatisfy { $0.hasPrefix("\(capability) is missing") })
    }

    @Test func severalAreNamedAndOldKernelsKnowFewer() {
        #expect(privileges([]).obstacle?.contains("needs CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, which") == true)
        #expect(privileges(Self.least, Self.old).obstacle?.contains("needs CAP_SYS_ADMIN, which") == true)
        #expect(privileges([], Self.old).obstacle?.contains("needs CAP_SYS_ADMIN and CAP_SYS_PTRACE, which") == true)
    }

    @Test func whatConfinesIsNamed() {
        var confined = privileges(Self.least)
        confined.isLockedDown = true
        #expect(confined.obstacle?.contains("confidentiality") == true)
        confined.isInPIDNamespace = true
        #expect(confined.obstacle?.contains("--pid=host") == true)
        confined.isInUserNamespace = true
        #expect(confined.obstacle?.contains("user namespace") == true)
    }

    @Test func aRefusalIsExplained() {
        var held = privileges(Self.least)
        #expect(held.remedy(for: "bpf(2)", errno: EPERM)?.contains("security module") == true)
        #expect(held.remedy(for: "bpf(2)", errno: ENOSYS)?.contains("CONFIG_BPF_SYSCALL") == true)
        #expect(held.remedy(for: "bpf(2)", errno: E2BIG) == nil)
        held.hasSystemCallFilter = true
        for code in [EPERM, EACCES, ENOSYS] {
            #expect(held.remedy(for: "bpf(2)", errno: code)?.contains("allow bpf(2)") == true)
        }
        // Debian's and Ubuntu's kernels; mainline's level 2 is no obstacle for these capabilities.
        held.perfEventParanoia = 4
        #expect(held.remedy(for: "perf_event_open(2)", errno: EACCES)?.contains("perf_event_paranoid=2") == true)
        #expect(held.remedy(for: "perf_event_open(2)", errno: EPERM)?.contains("allow perf_event_open(2)") == true)
        held.perfEventParanoia = 2
        #expect(held.remedy(for: "perf_event_open(2)", errno: EACCES)?.contains("allow perf_event_open(2)") == true)
        var limited = privileges([.sysAdmin, .sysPtrace], Self.old)
        limited.lockedMemoryLimitBytes = 65536
        #expect(limited.remedy(for: "bpf(2)", errno: EPERM)?.contains("64 KiB of memory") == true)
        #expect(limited.remedy(for: "bpf(2)", errno: EPERM)?.contains("CAP_SYS_RESOURCE") == true)
        limited.capabilities = CapabilitySet([.sysAdmin, .sysPtrace, .sysResource])
        #expect(limited.remedy(for: "bpf(2)", errno: EPERM)?.contains("security module") == true)
    }

    @Test func statusIsUnderstood() {
        var read = privileges([])
        read.take(status: "Name:\ta: CapEff:\tff\nCapPrm:\t000001ffffffffff\nCapEff:\t000000c000080000\nSeccomp:\t2\n")
        #expect(read.capabilities == CapabilitySet([.bpf, .perfmon, .sysPtrace]))
        #expect(read.hasSystemCallFilter)
        read.take(status: "CapEff:\tnonsense\nSeccomp:\t0\n")
        #expect(read.capabilities == CapabilitySet([.bpf, .perfmon, .sysPtrace]))
        #expect(!read.hasSystemCallFilter)
        #expect(Privileges.isWholeMachine(uidMap: "         0          0 4294967295\n"))
        #expect(!Privileges.isWholeMachine(uidMap: "         0       1000          1\n"))
        #expect(!Privileges.isWholeMachine(uidMap: ""))
    }

    /// This process's own, against what the C library says.
    @Test func theKernelIsAsked() {
        let own = Privileges.current()
        if geteuid() == 0 { #expect(own.capabilities.contains(.dacReadSearch)) }
        #expect(own.kernel >= KernelVersion(major: 4, minor: 0))
        let level = try? String(contentsOfFile: "/proc/sys/kernel/perf_event_paranoid", encoding: .utf8)
        #expect(own.perfEventParanoia.map { "\($0)\n" } == level)
    }
}
