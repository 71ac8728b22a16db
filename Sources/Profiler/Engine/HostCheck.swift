import BPFObjects
import Glibc
import Privileges
import Processes
import Symbolization

/// What came of looking at one thing that profiling needs or gains from.
public struct HostCheck: Sendable {
    public enum Outcome: Sendable {
        /// With what was found, in a few words.
        case fine(String)
        /// Profiles will lack something: what, and what to do about it.
        case lacking(String)
        /// Profiling cannot start: why, and what to do about it.
        case missing(String)
    }

    /// Two or three words, such as `BPF programs`.
    public var name: String
    public var outcome: Outcome

    public init(_ name: String, _ outcome: Outcome) {
        self.name = name
        self.outcome = outcome
    }
}

extension Engine {
    /// Tries all that a start of the profiler does, by the same code, and undoes it. Blocks for some seconds, most of which
    /// the kernel's verifier takes for the unwinders of managed runtimes.
    public static func checkHost() -> [HostCheck] {
        let privileges = Privileges.current()
        var checks = [kernel(privileges)]
        for requirement in privileges.requirements {
            checks.append(
                HostCheck(requirement.name, requirement.obstacle.map { .missing($0) } ?? .fine("nothing in the way")))
        }
        for warning in privileges.warnings { checks.append(HostCheck("capabilities", .lacking(warning))) }
        checks += kernelSide()
        checks += [processEvents(), kernelSymbols(), tracefs(), openFiles()]
        return checks
    }

    private static func kernel(_ privileges: Privileges) -> HostCheck {
        let text = "Linux \(privileges.kernel); \(KernelVersion.minimum) or newer is needed"
        return HostCheck("kernel", privileges.kernel >= .minimum ? .fine(text) : .missing(text))
    }

    private static func kernelSide() -> [HostCheck] {
        let kernel: KernelSide
        do throws(BPFError) {
            kernel = try KernelSide()
        } catch {
            return [HostCheck("BPF programs", .missing("\(error)"))]
        }
        let buffer = kernel.options.features.hasRingBuffer ? "ring buffer" : "perf buffers"
        var checks = [
            HostCheck("BPF programs", .fine("loaded; \(buffer), \(kernel.framesPerCall) native frames a call"))
        ]
        if kernel.taskLayout == nil {
            checks.append(
                HostCheck(
                    "user registers", .lacking("not found in the kernel: samples in system calls lack user frames")))
        }
        do throws(BPFError) {
            _ = try kernel.makeTraceBuffer { _ in }
            let cpus = (try? CPUList.online()) ?? [0]
            for cpu in cpus { try kernel.startSampling(cpu: cpu, samplesPerSecond: 1) }
            checks.append(HostCheck("sampling", .fine("\(cpus.count) CPUs")))
        } catch {
            checks.append(HostCheck("sampling", .missing("\(error)")))
        }
        kernel.stopSampling()
        checks.append(unwindersOfRuntimes(kernel))
        return checks
    }

    /// Each is loaded when the first process needs it: a kernel that refuses one would not be noticed before.
    private static func unwindersOfRuntimes(_ kernel: KernelSide) -> HostCheck {
        let name = "managed runtimes"
        var loaded: [String] = []
        for runtime in managedRuntimes {
            let kind = runtime.kind
            do throws(BPFError) {
                _ = try kernel.unwinderLoader.load(
                    object: kind.objectName, program: kind.programName, slot: kind.unwinder,
                    processesMap: kind.processesMapName)
                loaded.append(kind.name)
            } catch {
                return HostCheck(name, .lacking("functions of \(kind.name) will be missing: \(error)"))
            }
        }
        return HostCheck(name, .fine("unwinders of \(loaded.joined(separator: ", ")) load"))
    }

    private static func processEvents() -> HostCheck {
        do {
            _ = try ProcessMonitor(inspectors: 1)
            return HostCheck("process events", .fine("followed by perf events and /proc"))
        } catch {
            return HostCheck("process events", .missing("\(error)"))
        }
    }

    private static func kernelSymbols() -> HostCheck {
        do throws(KernelSymbolsError) {
            _ = try KernelSymbolizer()
            return HostCheck("kernel symbols", .fine("readable"))
        } catch {
            return HostCheck("kernel symbols", .lacking("\(error)"))
        }
    }

    /// Others need it, and people look for it first.
    private static func tracefs() -> HostCheck {
        let folders: [String] = ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"]
        let isMounted = folders.contains { access($0, F_OK) == 0 }
        return HostCheck("tracefs", .fine(isMounted ? "mounted; not needed" : "not mounted; not needed"))
    }

    /// Every known executable holds an open file.
    private static func openFiles() -> HostCheck {
        let wanted = 4096
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return HostCheck("open files", .fine("no limit known"))
        }
        let most = Int(clamping: limit.rlim_max)
        guard most < wanted else { return HostCheck("open files", .fine("at most \(most)")) }
        return HostCheck(
            "open files",
            .lacking(
                "at most \(most): functions of further programs stay without names; raise the hard limit to "
                    + "\(wanted) or more (ulimit -Hn; in a systemd unit LimitNOFILE=)"))
    }
}
