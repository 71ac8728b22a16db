import Glibc

/// What resource attributes say about a process. Read once in each of its lives, when it is first
/// sampled in it.
public struct ProcessFacts: Sendable, Equatable {
    /// Target of `/proc/PID/exe`, which may end in " (deleted)"; nil for kernel threads and where it is not readable.
    public var executablePath: String?
    /// The main thread's name.
    public var commandName: String
    public var isKernelThread = false
    public var parentPID: ProcessID = 0
    /// See `ContainerID`.
    public var containerID: String?
    /// The cgroup that says most, see `ContainerID.mainPath`.
    public var cgroupPath: String?
    /// Of that group, where it is one of version 2; see `ControlGroups`.
    public var controlGroupID: UInt64?
    /// What that path tells.
    public var placement: ControlGroupPlacement?
    /// Nil outside of containers, and where no runtime's file tells.
    public var container: ContainerDescription?
    /// By what is seen of the process from outside.
    public var observedService: ServiceName?
    /// What the process publishes; nil where it does not, or not yet.
    public var context: ProcessContext?
    /// Clock ticks between boot and start, 0 when not known.
    public var startTimeTicks: UInt64 = 0
    /// Of the initial environment, the variables that were asked for and are set, in the order of the process.
    public var environment: [EnvironmentVariable] = []
    /// The real user id; nil when it could not be read.
    public var userID: UInt32?
    /// The pid in each pid namespace, outermost first; the last is the one that the process itself sees.
    public var namespacePIDs: [ProcessID] = []

    public struct EnvironmentVariable: Sendable, Equatable {
        public var name: String
        /// What follows the first "=".
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(commandName: String) {
        self.commandName = commandName
    }

    /// What the process says comes before what is observed.
    public var service: ServiceName? {
        context?.serviceName.map { ServiceName($0, source: .processContext) } ?? observedService
    }

    /// The last component of `executablePath`.
    public var executableName: String? {
        executablePath.map { path in path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path }
    }
}

extension ProcFileSystem {
    private static let maximumEnvironmentBytes = 1 << 20
    /// Looked for once, when the first process without a cgroup path is met.
    private static let ownContainer = ContainerID.own()
    private static let containers = ContainerDescriptions()

    /// Reads the facts about a process; what cannot be read is left out.
    /// - Parameters:
    ///   - thread: a thread of it that lives; used when the main thread has exited.
    ///   - environmentVariables: names of variables to report.
    /// - Throws: `ProcessReadFailure` when nothing can be read, `.gone` above all.
    public func facts(
        of pid: ProcessID, thread: ProcessID, environmentVariables: Set<String> = []
    ) throws(ProcessReadFailure) -> ProcessFacts {
        let stat = try processStat(of: pid)
        var facts = ProcessFacts(commandName: stat.commandName)
        facts.isKernelThread = stat.isKernelThread
        facts.parentPID = stat.parentPID
        facts.startTimeTicks = stat.startTimeTicks
        // A main thread that has exited keeps the pid as a zombie, without memory, files or cgroup.
        let isHeadless = stat.state == UInt8(ascii: "Z")
        let living = isHeadless ? (thread != pid ? thread : threads(of: pid).first { $0 != pid } ?? pid) : pid
        let folder = isHeadless ? "task/\(living)/" : ""
        if let text = try? ProcFile.read(path(pid, "\(folder)cgroup"), limitBytes: 64 << 10) {
            facts.containerID = ContainerID.find(inCgroupFile: text)
            facts.cgroupPath = ContainerID.mainPath(inCgroupFile: text)
            facts.controlGroupID = ControlGroups.ofMachine.id(inCgroupFile: text)
            // In the profiler's own private cgroup namespace; kernel threads live in the root of the host's.
            if facts.cgroupPath == "/", !stat.isKernelThread { facts.containerID = Self.ownContainer }
        }
        facts.placement = facts.cgroupPath.map { ControlGroupPlacement(path: $0) }
        if let text = try? ProcFile.read(path(pid, "\(folder)status"), limitBytes: 64 << 10) {
            facts.readStatus(text)
        }
        if stat.isKernelThread { return facts }
        facts.executablePath = ProcFile.readLink(path(pid, "\(folder)exe"))
        facts.container = facts.containerID.flatMap { Self.containers.description(of: $0) }
        if let text = try? ProcFile.read(path(pid, "\(folder)environ"), limitBytes: Self.maximumEnvironmentBytes) {
            facts.readEnvironment(text, names: environmentVariables.union(ServiceName.environmentVariables))
        }
        facts.observedService = ServiceName(
            environment: facts.environment, containerName: facts.container?.name,
            systemdUnit: facts.placement?.systemdUnit,
            executableName: facts.executableName.map(MapsParser.withoutDeletedMark))
        facts.environment.removeAll { !environmentVariables.contains($0.name) }
        return facts
    }
}

extension ProcessFacts {
    /// Takes `Uid:` and `NSpid:` of `/proc/PID/status` (proc_pid_status(5)).
    mutating func readStatus(_ text: [UInt8]) {
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = line.split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
            guard let name = words.first else { continue }
            let values = words.dropFirst().map { String(decoding: $0, as: UTF8.self) }
            if name.elementsEqual("Uid:".utf8) {
                userID = values.first.flatMap { UInt32($0) }
            } else if name.elementsEqual("NSpid:".utf8) {
                namespacePIDs = values.compactMap { ProcessID($0) }
            }
        }
    }

    /// Takes the variables named from `NAME=value` strings, each ended by NUL. A name that is set twice counts once, as
    /// for getenv(3). The last string is dropped when it is cut off.
    mutating func readEnvironment(_ text: [UInt8], names: Set<String>) {
        guard let end = text.lastIndex(of: 0) else { return }
        var found: Set<String> = []
        for entry in text[..<end].split(separator: 0) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = String(decoding: entry[..<equals], as: UTF8.self)
            guard names.contains(name), found.insert(name).inserted else { continue }
            environment.append(
                EnvironmentVariable(name: name, value: String(decoding: entry[(equals &+ 1)...], as: UTF8.self)))
        }
    }
}
