import Testing

@testable import Collector
@testable import ProfilingReceiver

@Suite struct ConfigurationTests {
    private struct Decoded {
        var configuration: ProfilingConfiguration
        var errors: [String]
        var warnings: [String]
    }

    private func decode(_ yaml: String) throws -> Decoded {
        let diagnostics = ConfigurationDiagnostics()
        let section = ConfigurationSection(
            path: "receivers::profiling", node: try YAMLDocument.parse(yaml, source: "c.yaml"),
            diagnostics: diagnostics)
        let configuration = ProfilingReceiverFactory().decode(section)
        section.finish()
        return Decoded(
            configuration: configuration, errors: diagnostics.errors.map(\.description),
            warnings: diagnostics.warnings.map(\.description))
    }

    @Test(arguments: ["", "{}", "samples_per_second:\ninterpreters:\nprobes:\n"])
    func nothingMeansDefaults(yaml: String) throws {
        let decoded = try decode(yaml)
        #expect(decoded.configuration == ProfilingConfiguration())
        #expect(decoded.errors == [])
        #expect(decoded.warnings == [])
    }

    @Test func defaultsAreTheReferences() {
        let defaults = ProfilingConfiguration()
        #expect(defaults.samplesPerSecond == 20)
        #expect(defaults.reporterInterval == .seconds(5))
        #expect(defaults.reporterJitter == 0.2)
        #expect(defaults.clockSyncInterval == .seconds(180))
        #expect(defaults.frameCacheSize == 16384)
        #expect(defaults.probabilisticThreshold == 100)
        #expect(defaults.maxRPCMessageSize == 33_554_432)
        #expect(defaults.errorMode == .propagate)
        // The one that differs.
        #expect(defaults.sendErrorFrames)
    }

    @Test func everyKeyIsRead() throws {
        let decoded = try decode(
            """
            samples_per_second: 97
            reporter_interval: 1s500ms
            reporter_jitter: 0
            monitor_interval: 10s
            clock_sync_interval: 0
            frame_cache_size: 1024
            probabilistic_interval: 5m
            probabilistic_threshold: 50
            off_cpu_threshold: 0.5
            interpreters:
              python: {disabled: true}
              go: {disabled: false, labels: {disabled: true}, symbolization: {disabled: true}}
              ruby: {skip_native_resume: true}
            send_error_frames: false
            send_idle_frames: true
            filter_min_process_age: 3s
            include_env_vars: " STAGE,, REGION "
            verbose_mode: true
            map_scale_factor: 8
            bpf_verifier_log_level: 2
            no_kernel_version_check: true
            error_mode: IGNORE
            max_grpc_retries: 1
            max_rpc_msg_size: 2
            bpf_fs_root: /bpf
            obi_process_ctx: true
            pid_namespace_translation: true
            pin_cpu_ids: "0-2,7"
            memory_budget_mib: 96
            probes:
              - {type: kprobe, symbol: vfs_read}
              - {type: kprobe, mode: uretprobe, symbol: malloc, target: /lib/libc.so.6}
            """)
        #expect(decoded.errors == [])
        var expected = ProfilingConfiguration()
        expected.samplesPerSecond = 97
        expected.reporterInterval = .milliseconds(1500)
        expected.reporterJitter = 0
        expected.monitorInterval = .seconds(10)
        expected.clockSyncInterval = .zero
        expected.frameCacheSize = 1024
        expected.probabilisticInterval = .seconds(300)
        expected.probabilisticThreshold = 50
        expected.offCPUThreshold = 0.5
        expected.disabledInterpreters = [.python]
        expected.isGoLabelsDisabled = true
        expected.isGoSymbolizationDisabled = true
        expected.skipsRubyNativeResume = true
        expected.sendErrorFrames = false
        expected.sendIdleFrames = true
        expected.filterMinProcessAge = .seconds(3)
        expected.includeEnvVars = ["STAGE", "REGION"]
        expected.verboseMode = true
        expected.mapScaleFactor = 8
        expected.bpfVerifierLogLevel = 2
        expected.noKernelVersionCheck = true
        expected.errorMode = .ignore
        expected.maxGRPCRetries = 1
        expected.maxRPCMessageSize = 2
        expected.bpfFSRoot = "/bpf"
        expected.obiProcessContext = true
        expected.pidNamespaceTranslation = .exact
        expected.pinCPUIDs = [0, 1, 2, 7]
        expected.memoryBudgetMiB = 96
        expected.probes = [
            .init(mode: .kprobe, symbol: "vfs_read", target: ""),
            .init(mode: .uretprobe, symbol: "malloc", target: "/lib/libc.so.6"),
        ]
        #expect(decoded.configuration == expected)
        // What is not there yet is said, once each.
        let keys = ["off_cpu_threshold", "probes", "obi_process_ctx"]
        #expect(decoded.warnings.count == keys.count)
        for (warning, key) in zip(decoded.warnings, keys) {
            #expect(warning.hasPrefix("receivers::profiling::\(key): "))
        }
    }

    @Test func processesAreChosen() throws {
        let decoded = try decode(
            """
            processes:
              include:
                - {cgroup: "/kubepods*/**", namespace: [shop, "pay*"]}
                - executable: [/opt/**, sshd]
              exclude:
                - {container: istio-proxy}
                - {service: noise}
              rates:
                - {pod: "batch-*", one_in: 4}
                - {one_in: 2}
            """)
        #expect(decoded.errors == [] && decoded.warnings == [])
        let chosen = decoded.configuration.processes
        #expect(chosen.include.count == 2 && chosen.exclude.count == 2 && chosen.rates.map(\.oneIn) == [4, 2])
        #expect(chosen.include.first?.namespaces.map(\.pattern) == ["shop", "pay*"])
        #expect(chosen.include.first?.controlGroups.map(\.pattern) == ["/kubepods*/**"])
        #expect(chosen.include.last?.executables.map(\.pattern) == ["/opt/**", "sshd"])
        #expect(chosen.exclude.first?.containers.map(\.pattern) == ["istio-proxy"])
        #expect(chosen.exclude.last?.services.map(\.pattern) == ["noise"])
        #expect(chosen.rates.last?.pattern.isEmpty == true)
        #expect(decoded.configuration.engineOptions.selection == chosen)
    }

    @Test func labelsOfPodsNeedACluster() throws {
        let decoded = try decode(
            """
            processes:
              exclude:
                - {pod_label: {app.kubernetes.io/name: [cart, "pay*"], tier: batch}}
              kubernetes: {auth_type: kubeConfig, kube_config_path: /etc/kube, context: home}
            """)
        #expect(decoded.errors == [] && decoded.warnings == [])
        let labels = try #require(decoded.configuration.processes.exclude.first?.podLabels)
        #expect(labels.mapValues { $0.map(\.pattern) } == [
            "app.kubernetes.io/name": ["cart", "pay*"], "tier": ["batch"],
        ])
        let settings = try #require(decoded.configuration.podLabels)
        #expect(settings.authentication == .kubeConfig && settings.kubeConfigPath == "/etc/kube")
        #expect(settings.context == "home" && settings.node == nil)
        let useless = try decode("processes: {exclude: [{pod: x}], kubernetes: {auth_type: none}}")
        #expect(useless.errors == [] && useless.configuration.podLabels == nil)
        #expect(useless.warnings.contains { $0.contains("pod_label") })
    }

    @Test(arguments: [
        ("processes: {exclude: [{pod_label: {}}]}", "processes::exclude"),
        ("processes: {exclude: [{pod_label: {app: ''}}]}", "app"),
        ("processes: {exclude: [{pod_label: {app: x}}], kubernetes: {auth_type: wish}}", "auth_type"),
        (
            "processes: {exclude: [{pod_label: {a: b}}], kubernetes: {node_from_env_var: OTELCOL_NO_SUCH}}",
            "OTELCOL_NO_SUCH"
        ),
        ("processes: {exclude: [{}]}", "processes::exclude"),
        ("processes: {exclude: [{executabel: x}]}", "executabel"),
        ("processes: {include: [{executable: ''}]}", "processes::include"),
        ("processes: {rates: [{one_in: 0}]}", "one_in"),
        ("processes: {rates: [{one_in: 1.5}]}", "one_in"),
    ])
    func choicesThatCannotBeAreRefused(yaml: String, words: String) throws {
        let errors = try decode(yaml).errors
        #expect(errors.contains { $0.contains(words) }, "\(errors)")
    }

    @Test(arguments: [
        ("samples_per_second: 0", "samples_per_second"),
        ("samples_per_second: 19.5", "samples_per_second"),
        ("reporter_interval: -5s", "reporter_interval"),
        ("reporter_interval: 0", "reporter_interval"),
        ("reporter_interval: 5 parsecs", "reporter_interval"),
        ("reporter_jitter: 1.1", "reporter_jitter"),
        ("reporter_jitter: .nan", "reporter_jitter"),
        ("clock_sync_interval: -1s", "clock_sync_interval"),
        ("frame_cache_size: 1023", "frame_cache_size"),
        ("frame_cache_size: 1048577", "frame_cache_size"),
        ("probabilistic_interval: 59s", "probabilistic_interval"),
        ("probabilistic_interval: 301s", "probabilistic_interval"),
        ("probabilistic_threshold: 0", "probabilistic_threshold"),
        ("probabilistic_threshold: 101", "probabilistic_threshold"),
        ("off_cpu_threshold: -0.1", "off_cpu_threshold"),
        ("off_cpu_threshold: 1.01", "off_cpu_threshold"),
        ("filter_min_process_age: -1ns", "filter_min_process_age"),
        ("map_scale_factor: 9", "map_scale_factor"),
        ("bpf_verifier_log_level: 3", "bpf_verifier_log_level"),
        ("error_mode: never", "error_mode"),
        ("max_grpc_retries: 4294967296", "max_grpc_retries"),
        ("memory_budget_mib: 1", "memory_budget_mib"),
        ("send_idle_frames: yes", "send_idle_frames"),
        ("pin_cpu_ids: 3-1", "pin_cpu_ids"),
        ("pin_cpu_ids: 1,,2", "pin_cpu_ids"),
        ("pin_cpu_ids: 0 - 1", "pin_cpu_ids"),
        ("pin_cpu_ids: 0-99999999999999999999", "pin_cpu_ids"),
        ("pin_cpu_ids: 1-2-3", "pin_cpu_ids"),
        ("pin_cpu_ids: ','", "pin_cpu_ids"),
        ("interpreters: {cobol: {disabled: true}}", "interpreters::cobol"),
        ("interpreters: {perl: {labels: {disabled: true}}}", "interpreters::perl::labels"),
        ("probes: [{type: uprobe, symbol: f}]", "probes::0::type"),
        ("probes: [{symbol: f}]", "probes::0::type"),
        ("probes: [{type: kprobe, mode: tracepoint, symbol: f}]", "probes::0::mode"),
        ("probes: [{type: kprobe}]", "probes::0::symbol"),
        ("probes: [{type: kprobe, mode: uprobe, symbol: f}]", "probes::0::target"),
        ("probes: [{type: kprobe, symbol: f, address: 1}]", "probes::0::address"),
        ("tracers: python,cobol", "tracers"),
        ("tracers: all\ninterpreters: {}", "tracers"),
        ("tracers: all\nTracers: all", "Tracers"),
        ("probe_links: [kprobe]", "probe_links"),
        ("probe_links: ['uprobe:malloc']", "probe_links"),
        ("probe_links: ['kprobe:f']\nprobes: []", "probe_links"),
        ("SamplesPerSecond: 19\nsamples_per_second: 19", "SamplesPerSecond"),
        ("pid_namespace_translation: true\npid_namespace_translation_mode: auto", "pid_namespace_translation"),
        ("pid_namespace_translation_mode: always", "pid_namespace_translation_mode"),
        ("samplesPerSecond: 19", "samplesPerSecond"),
    ])
    func whatIsWrongIsReportedAtItsKey(yaml: String, key: String) throws {
        let decoded = try decode(yaml)
        let error = try #require(decoded.errors.first)
        #expect(decoded.errors.count == 1, "\(decoded.errors)")
        #expect(error.hasPrefix("receivers::profiling::\(key): "), "\(error)")
        #expect(error.contains("c.yaml:"))
    }

    @Test func aMisspelledKeyIsCorrected() throws {
        #expect(try decode("samples_per_secnd: 19").errors.first?.contains("\"samples_per_second\"") == true)
    }

    // MARK: - Keys of earlier versions

    @Test func camelCaseKeysWorkWithOneWarningEach() throws {
        let decoded = try decode(
            """
            SamplesPerSecond: 19
            ReporterInterval: 10s
            MonitorInterval: 6s
            ProbabilisticInterval: 2m
            ProbabilisticThreshold: 99
            ClockSyncInterval: 1m
            SendErrorFrames: false
            VerboseMode: true
            OffCPUThreshold: 0
            IncludeEnvVars: A
            MapScaleFactor: 1
            BpfVerifierLogLevel: 1
            NoKernelVersionCheck: true
            MaxGRPCRetries: 2
            MaxRPCMsgSize: 3
            """)
        var expected = ProfilingConfiguration()
        expected.samplesPerSecond = 19
        expected.reporterInterval = .seconds(10)
        expected.monitorInterval = .seconds(6)
        expected.probabilisticInterval = .seconds(120)
        expected.probabilisticThreshold = 99
        expected.clockSyncInterval = .seconds(60)
        expected.sendErrorFrames = false
        expected.verboseMode = true
        expected.includeEnvVars = ["A"]
        expected.mapScaleFactor = 1
        expected.bpfVerifierLogLevel = 1
        expected.noKernelVersionCheck = true
        expected.maxGRPCRetries = 2
        expected.maxRPCMessageSize = 3
        #expect(decoded.configuration == expected)
        #expect(decoded.errors == [])
        #expect(decoded.warnings.count == 15)
        let first = try #require(decoded.warnings.first)
        #expect(first.contains("SamplesPerSecond") && first.contains("\"samples_per_second\""))
    }

    @Test func keysWithoutEffectAreWarnedAbout() throws {
        let decoded = try decode("CollAgentAddr: x\nDisableTLS: true\nload_probe: true\nHostName: h")
        #expect(decoded.configuration == ProfilingConfiguration())
        #expect(decoded.errors == [])
        #expect(decoded.warnings.count == 4)
    }

    @Test(arguments: ["tracers", "Tracers"])
    func tracersAreTurnedIntoInterpreters(key: String) throws {
        let decoded = try decode("\(key): \"perl, go,native,labels\"")
        #expect(decoded.errors == [])
        #expect(decoded.warnings.count == 1)
        #expect(decoded.warnings.first?.contains("\"interpreters\"") == true)
        #expect(
            decoded.configuration.disabledInterpreters
                == [.python, .php, .hotspot, .ruby, .v8, .dotnet, .beam, .luajit])
        #expect(!decoded.configuration.isGoLabelsDisabled)

        #expect(try decode("\(key): all").configuration == ProfilingConfiguration())
        #expect(try decode("\(key): go").configuration.isGoLabelsDisabled)
    }

    @Test(arguments: ["probe_links", "u_probe_links", "UProbeLinks"])
    func probeLinksAreTurnedIntoProbes(key: String) throws {
        let decoded = try decode("\(key): ['kprobe:vfs_read', 'uprobe:/lib/a:b.so:malloc', '/bin/x:main']")
        #expect(decoded.errors == [])
        #expect(
            decoded.configuration.probes == [
                .init(mode: .kprobe, symbol: "vfs_read", target: ""),
                .init(mode: .uprobe, symbol: "malloc", target: "/lib/a:b.so"),
                .init(mode: .uprobe, symbol: "main", target: "/bin/x"),
            ])
        // One names the new key, one says that probes are not supported yet.
        #expect(decoded.warnings.count == 2)
        #expect(decoded.warnings.allSatisfy { $0.hasPrefix("receivers::profiling::\(key): ") })
    }

    // MARK: - What the engine is told

    @Test func theEngineIsToldWhatIsItsBusiness() throws {
        let options = try decode(
            """
            samples_per_second: 97
            reporter_interval: 1s500ms
            reporter_jitter: 0.5
            clock_sync_interval: 0
            send_idle_frames: true
            pin_cpu_ids: "1"
            include_env_vars: A,B
            memory_budget_mib: 100
            """
        ).configuration.engineOptions
        #expect(options.samplesPerSecond == 97)
        #expect(options.reportIntervalNanoseconds == 1_500_000_000)
        #expect(options.reportJitter == 0.5)
        #expect(options.clockSyncIntervalNanoseconds == 0)
        #expect(options.includeIdle)
        #expect(options.cpus == [1])
        #expect(options.environmentVariables == ["A", "B"])
        #expect(options.memoryBudgetBytes == 104_857_600)
    }
}
