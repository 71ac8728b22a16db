import Collector
import Processes

extension ProcessSelection {
    /// Reads `processes`: lists `include`, `exclude` and `rates` of patterns, those of `rates` with `one_in`.
    init(_ section: ConfigurationSection) {
        self.init()
        include = section.sections("include").map { Pattern($0, needs: true) }
        exclude = section.sections("exclude").map { Pattern($0, needs: true) }
        rates = section.sections("rates").map { section in
            Rate(
                pattern: Pattern(section, needs: false),
                oneIn: UInt32(clamping: section.integer("one_in", default: 1, in: 1...1_000_000)))
        }
    }
}

extension ProcessSelection.Pattern {
    /// - Parameter needs: whether a pattern that matches everything is a mistake.
    fileprivate init(_ section: ConfigurationSection, needs: Bool) {
        self.init()
        executables = Self.globs(section, "executable")
        controlGroups = Self.globs(section, "cgroup")
        containers = Self.globs(section, "container")
        pods = Self.globs(section, "pod")
        namespaces = Self.globs(section, "namespace")
        services = Self.globs(section, "service")
        let labels = section.section("pod_label")
        for name in labels.keys {
            podLabels[name] = Self.globs(labels, name)
            if podLabels[name] == [] { labels.error(name, "needs a pattern for the label's value; \"*\" for any") }
        }
        if needs, isEmpty {
            section.error(
                "executable", "or another of cgroup, container, pod, pod_label, namespace and service is needed to match processes by")
        }
    }

    private static func globs(_ section: ConfigurationSection, _ key: String) -> [Glob] {
        section.strings(key).compactMap { text in
            if let glob = Glob(text) { return glob }
            section.error(key, "has a pattern that is empty or longer than 4096 bytes")
            return nil
        }
    }
}
