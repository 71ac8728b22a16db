/// Which processes are profiled, and how densely.
///
/// A process is profiled if `include` is empty or has a pattern that matches it, and `exclude` has none that does. Of
/// `rates` the first that matches holds. What is not known of a process matches no pattern.
public struct ProcessSelection: Sendable, Equatable {
    /// Matches a process for which each list that is not empty has a glob that matches.
    public struct Pattern: Sendable, Hashable {
        /// Of the executable's path, or of its name where the glob has no "/".
        public var executables: [Glob] = []
        /// Of the control group's path.
        public var controlGroups: [Glob] = []
        /// Of the container's id or name.
        public var containers: [Glob] = []
        public var pods: [Glob] = []
        public var namespaces: [Glob] = []
        /// By name, globs of the value; each label must be there and match.
        public var podLabels: [String: [Glob]] = [:]
        /// Of `service.name`, whichever rule gave it.
        public var services: [Glob] = []

        public init() {}

        public var isEmpty: Bool { self == Pattern() }

        /// Whether it tells processes of one control group apart.
        fileprivate var isOfProcesses: Bool { !executables.isEmpty || !services.isEmpty }
    }

    public struct Rate: Sendable, Hashable {
        public var pattern: Pattern
        /// One sample in so many is taken, and weighs as many; at least 1.
        public var oneIn: UInt32

        public init(pattern: Pattern, oneIn: UInt32) {
            self.pattern = pattern
            self.oneIn = oneIn
        }
    }

    public enum Verdict: Sendable, Hashable {
        case excluded
        case profiled(oneIn: UInt32)
    }

    public var include: [Pattern] = []
    public var exclude: [Pattern] = []
    public var rates: [Rate] = []

    public init() {}

    /// Everything is profiled.
    public var isEmpty: Bool { self == ProcessSelection() }

    /// Whether it needs the labels of pods.
    public var needsPodLabels: Bool {
        (include + exclude + rates.map(\.pattern)).contains { !$0.podLabels.isEmpty }
    }

    /// - Parameter facts: nil for what nothing is known of, such as kernel threads.
    public func verdict(on facts: ProcessFacts?, _ podLabels: (any PodLabelSource)? = nil) -> Verdict {
        if isEmpty { return .profiled(oneIn: 1) }
        guard let facts else { return include.isEmpty ? .profiled(oneIn: 1) : .excluded }
        if !include.isEmpty, !include.contains(where: { $0.matches(facts, podLabels) }) { return .excluded }
        if exclude.contains(where: { $0.matches(facts, podLabels) }) { return .excluded }
        return .profiled(oneIn: max(1, rates.first { $0.pattern.matches(facts, podLabels) }?.oneIn ?? 1))
    }

    /// Whether a process's whole control group is left out with it: what its other processes are makes no difference.
    public func excludesGroup(of facts: ProcessFacts, _ podLabels: (any PodLabelSource)? = nil) -> Bool {
        if exclude.contains(where: { !$0.isOfProcesses && $0.matchesGroup(of: facts, podLabels) }) { return true }
        return !include.isEmpty && !include.contains { $0.matchesGroup(of: facts, podLabels) }
    }
}

/// Knows the labels of pods.
public protocol PodLabelSource: Sendable {
    /// - Returns: nil for a pod that is not known, or not yet.
    func labels(ofPod uid: String) -> [String: String]?
}

extension ProcessSelection.Pattern {
    func matches(_ facts: ProcessFacts, _ podLabels: (any PodLabelSource)? = nil) -> Bool {
        let path = facts.executablePath.map(MapsParser.withoutDeletedMark)
        let name = facts.executableName.map(MapsParser.withoutDeletedMark)
        let isExecutable =
            executables.isEmpty
            || executables.contains { glob in
                (glob.pattern.utf8.contains(UInt8(ascii: "/")) ? path : name).map { glob.matches($0) } ?? false
            }
        return isExecutable && matchesGroup(of: facts, podLabels) && Self.fits(services, facts.service?.name)
    }

    /// Whether what all processes of a control group have in common matches.
    fileprivate func matchesGroup(of facts: ProcessFacts, _ podLabels: (any PodLabelSource)?) -> Bool {
        Self.fits(controlGroups, facts.cgroupPath)
            && Self.fits(containers, facts.containerID, facts.container?.name)
            && Self.fits(pods, facts.container?.podName)
            && Self.fits(namespaces, facts.container?.podNamespace)
            && (self.podLabels.isEmpty || matchesLabels(of: facts, podLabels))
    }

    private func matchesLabels(of facts: ProcessFacts, _ source: (any PodLabelSource)?) -> Bool {
        guard let uid = facts.placement?.podUID ?? facts.container?.podUID, let labels = source?.labels(ofPod: uid)
        else { return false }
        return podLabels.allSatisfy { name, globs in
            // A label may be empty, which a pattern cannot be.
            guard let value = labels[name] else { return false }
            return Self.fits(globs, value)
        }
    }

    private static func fits(_ globs: [Glob], _ texts: String?...) -> Bool {
        globs.isEmpty || texts.contains { text in text.map { text in globs.contains { $0.matches(text) } } ?? false }
    }
}
