import Collector

/// Keys of earlier versions of the reference's receiver. Their values work, with one warning that names the new key;
/// old and new together are an error.
extension ProfilingConfiguration {
    /// The names that the keys had in 2025, until EDOT 9.2.
    private static let renamedKeys = [
        ("SamplesPerSecond", "samples_per_second"),
        ("ReporterInterval", "reporter_interval"),
        ("MonitorInterval", "monitor_interval"),
        ("ProbabilisticInterval", "probabilistic_interval"),
        ("ProbabilisticThreshold", "probabilistic_threshold"),
        ("ClockSyncInterval", "clock_sync_interval"),
        ("SendErrorFrames", "send_error_frames"),
        ("VerboseMode", "verbose_mode"),
        ("OffCPUThreshold", "off_cpu_threshold"),
        ("IncludeEnvVars", "include_env_vars"),
        ("MapScaleFactor", "map_scale_factor"),
        ("BpfVerifierLogLevel", "bpf_verifier_log_level"),
        ("NoKernelVersionCheck", "no_kernel_version_check"),
        ("MaxGRPCRetries", "max_grpc_retries"),
        ("MaxRPCMsgSize", "max_rpc_msg_size"),
    ]

    /// Had no meaning in a Collector even then, or lost it.
    private static let obsoleteKeys = [
        "CollAgentAddr", "DisableTLS", "PprofAddr", "Copyright", "Version", "HostName", "IPAddress", "LoadProbe",
        "load_probe",
    ]

    static func declareOldKeys(_ section: ConfigurationSection) {
        for (old, new) in renamedKeys { section.legacyKey(old, for: new) }
        for old in obsoleteKeys { section.obsoleteKey(old) }
    }

    /// `tracers` until June 2026: the runtimes to unwind, all others being off. `all` and nothing mean all.
    mutating func readTracers(_ section: ConfigurationSection) {
        let written = ["tracers", "Tracers"].filter { section.map.entry($0) != nil }
        for key in written {
            let names = section.strings(key).map(Self.trimmed).filter { !$0.isEmpty }
            if section.map.entry("interpreters") != nil || key != written[0] {
                section.error(key, "is the older form of \"interpreters\", and both are set; remove it")
                continue
            }
            section.warning(key, "is deprecated; use \"interpreters\" instead")
            applyTracers(names, key, section)
        }
    }

    private mutating func applyTracers(_ names: [String], _ key: String, _ section: ConfigurationSection) {
        if names.isEmpty || names.contains("all") { return }
        var enabled: Set<Interpreter> = []
        var isLabelsEnabled = false
        for name in names {
            switch name {
            case "labels": isLabelsEnabled = true
            // Native code is always unwound.
            case "native": break
            default:
                if let interpreter = Interpreter(rawValue: name) {
                    enabled.insert(interpreter)
                } else {
                    let valid = (Interpreter.allCases.map(\.rawValue) + ["labels", "native", "all"]).sorted()
                    section.error(
                        key, "unknown value \"\(name)\" (valid values: [\(valid.joined(separator: ", "))])")
                }
            }
        }
        disabledInterpreters = Set(Interpreter.allCases).subtracting(enabled)
        isGoLabelsDisabled = !isLabelsEnabled
    }
}
