import Collector
import Processes

extension ProfilingConfiguration {
    /// Reads the section; problems are reported on it.
    public init(_ section: ConfigurationSection) {
        self.init()
        Self.declareOldKeys(section)
        readSampling(section)
        readProcesses(section.section("processes"))
        readReporting(section)
        readInterpreters(section)
        readKernelSide(section)
        nativeSymbols = NativeSymbolsConfiguration(section.section("native_symbols"))
        debuginfod = DebuginfodConfiguration(section.section("debuginfod"))
        probes = Self.probes(section)
        errorMode = section.enumeration("error_mode", default: errorMode, ignoringCase: true)
        warnAboutMissingFeatures(section)
    }

    private mutating func readSampling(_ section: ConfigurationSection) {
        samplesPerSecond = section.integer("samples_per_second", default: samplesPerSecond, in: 1...1_000_000)
        probabilisticInterval = section.duration(
            "probabilistic_interval", default: probabilisticInterval, in: .seconds(60)...(.seconds(300)))
        probabilisticThreshold = section.integer(
            "probabilistic_threshold", default: probabilisticThreshold, in: 1...100)
        offCPUThreshold = section.floatingPoint("off_cpu_threshold", default: offCPUThreshold, in: 0...1)
        filterMinProcessAge = section.duration(
            "filter_min_process_age", default: filterMinProcessAge, in: .zero...(.longest))
        if let text = section.optionalString("pin_cpu_ids"), !text.isEmpty {
            if let cpus = CPUList.parse(text) {
                pinCPUIDs = Set(cpus)
            } else {
                section.error("pin_cpu_ids", "invalid list of CPUs \"\(text)\"; write for example 0-3,7")
            }
        }
    }

    private mutating func readProcesses(_ section: ConfigurationSection) {
        processes = ProcessSelection(section)
        let settings = PodLabelSettings(
            section.section("kubernetes"), environment: ProfilingReceiver.environmentVariable)
        if processes.needsPodLabels {
            podLabels = settings
        } else if section.contains("kubernetes") {
            section.warning("kubernetes", "has an effect only with a pattern that has pod_label")
        }
    }

    private mutating func readReporting(_ section: ConfigurationSection) {
        reporterInterval = section.duration(
            "reporter_interval", default: reporterInterval, in: .milliseconds(1)...(.longest))
        reporterJitter = section.floatingPoint("reporter_jitter", default: reporterJitter, in: 0...1)
        monitorInterval = section.duration("monitor_interval", default: monitorInterval, in: .zero...(.longest))
        clockSyncInterval = section.duration("clock_sync_interval", default: clockSyncInterval, in: .zero...(.longest))
        sendErrorFrames = section.boolean("send_error_frames", default: sendErrorFrames)
        sendIdleFrames = section.boolean("send_idle_frames", default: sendIdleFrames)
        includeEnvVars = section.strings("include_env_vars").map(Self.trimmed).filter { !$0.isEmpty }
        // Of the reference's own connection to a back end, which a Collector does not use.
        maxGRPCRetries = section.integer("max_grpc_retries", default: maxGRPCRetries, in: 0...Int(UInt32.max))
        maxRPCMessageSize = section.integer("max_rpc_msg_size", default: maxRPCMessageSize)
        switch section.node("pid_namespace_translation_mode")?.value {
        case nil:
            if section.boolean("pid_namespace_translation", default: false) { pidNamespaceTranslation = .exact }
        case .some:
            pidNamespaceTranslation = section.enumeration("pid_namespace_translation_mode", default: .none)
            if section.contains("pid_namespace_translation") {
                section.error(
                    "pid_namespace_translation",
                    "is the older form of \"pid_namespace_translation_mode\", and both are set; remove it")
            }
        }
    }

    private mutating func readKernelSide(_ section: ConfigurationSection) {
        frameCacheSize = section.integer("frame_cache_size", default: frameCacheSize, in: 1024...1_048_576)
        mapScaleFactor = section.integer("map_scale_factor", default: mapScaleFactor, in: 0...8)
        bpfVerifierLogLevel = section.integer("bpf_verifier_log_level", default: bpfVerifierLogLevel, in: 0...2)
        verboseMode = section.boolean("verbose_mode", default: verboseMode)
        noKernelVersionCheck = section.boolean("no_kernel_version_check", default: noKernelVersionCheck)
        bpfFSRoot = section.string("bpf_fs_root", default: bpfFSRoot)
        obiProcessContext = section.boolean("obi_process_ctx", default: obiProcessContext)
        memoryBudgetMiB = section.integer("memory_budget_mib", default: memoryBudgetMiB, in: 16...65_536)
    }

    private mutating func readInterpreters(_ section: ConfigurationSection) {
        let interpreters = section.section("interpreters")
        for interpreter in Interpreter.allCases {
            let own = interpreters.section(interpreter.rawValue)
            if own.boolean("disabled", default: false) { disabledInterpreters.insert(interpreter) }
            switch interpreter {
            case .go:
                isGoLabelsDisabled = own.section("labels").boolean("disabled", default: false)
                isGoSymbolizationDisabled = own.section("symbolization").boolean("disabled", default: false)
            case .ruby: skipsRubyNativeResume = own.boolean("skip_native_resume", default: false)
            case .python, .perl, .php, .hotspot, .v8, .dotnet, .beam, .luajit: break
            }
        }
        readTracers(section)
    }

    /// What the section asks for, what is not there yet, and what does not make the rest worthless.
    private func warnAboutMissingFeatures(_ section: ConfigurationSection) {
        if offCPUThreshold > 0 {
            section.warning("off_cpu_threshold", "is not supported yet: only on-CPU profiles are recorded")
        }
        if !probes.isEmpty {
            let key = Self.probeKeys.first { section.map.entry($0) != nil } ?? "probes"
            section.warning(key, "are not supported yet: no samples are taken at them")
        }
        if obiProcessContext {
            section.warning("obi_process_ctx", "is not supported yet: nothing is shared with other programs")
        }
    }

    // MARK: - Probes

    /// The key and its older forms.
    private static let probeKeys = ["probes", "probe_links", "u_probe_links", "UProbeLinks"]

    private static func probes(_ section: ConfigurationSection) -> [Probe] {
        var probes = section.sections("probes").compactMap(probe)
        var written = section.map.entry("probes").map { _ in "probes" }
        for key in probeKeys.dropFirst() where section.map.entry(key) != nil {
            let links = section.strings(key)
            if let written {
                section.error(key, "is the older form of \"probes\", and \"\(written)\" is set too; remove it")
                continue
            }
            written = key
            section.warning(key, "is deprecated; use \"probes\" instead")
            for link in links {
                if let probe = probe(link: link) {
                    probes.append(probe)
                } else {
                    section.error(
                        key, "invalid probe \"\(link)\"; write for example kprobe:symbol or uprobe:/path:symbol")
                }
            }
        }
        return probes
    }

    private enum ProbeType: String, CaseIterable { case kprobe }

    private static func probe(_ section: ConfigurationSection) -> Probe? {
        _ = section.requiredString("type")
        if section.string("type") != "" { let _: ProbeType = section.enumeration("type", default: .kprobe) }
        let mode: Probe.Mode = section.enumeration("mode", default: .kprobe)
        let probe = Probe(mode: mode, symbol: section.requiredString("symbol"), target: section.string("target"))
        if mode.isInUserSpace, probe.target.isEmpty {
            section.error("target", "requires the path of an executable for mode \(mode.rawValue)")
        }
        return probe
    }

    /// `kprobe:symbol`, `uprobe:/path:symbol`, and `/path:symbol` of the oldest form.
    static func probe(link: String) -> Probe? {
        var parts = trimmed(link).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let mode: Probe.Mode
        if let first = parts.first.flatMap(Probe.Mode.init(rawValue:)) {
            mode = first
            parts.removeFirst()
        } else {
            mode = .uprobe
        }
        guard let symbol = parts.popLast(), !symbol.isEmpty else { return nil }
        let target = parts.joined(separator: ":")
        guard mode.isInUserSpace != target.isEmpty else { return nil }
        return Probe(mode: mode, symbol: symbol, target: target)
    }

    static func trimmed(_ text: String) -> String {
        let rest = text.drop(while: \.isWhitespace)
        guard let last = rest.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(rest[...last])
    }
}
