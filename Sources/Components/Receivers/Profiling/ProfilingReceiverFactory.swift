import Collector
import Engine
import Logging
import Symbolization

/// The receiver `profiling`: the whole host's profiles, taken with eBPF.
public struct ProfilingReceiverFactory: ReceiverFactory {
    /// Makes what fetches debug files from servers: from their URLs, the folder to keep them in, and other settings.
    public typealias DebugFileProviderMaker =
        @Sendable (
            _ servers: [String], _ folder: String, _ settings: DebuginfodConfiguration, _ log: @escaping Engine.Log
        ) -> any DebugFileProvider

    public typealias PodLabelWatchMaker =
        @Sendable (_ settings: PodLabelSettings, _ logger: Logger) -> any PodLabelWatch

    /// What the program knows that has a network.
    struct Network: Sendable {
        var debugFiles: DebugFileProviderMaker?
        var podLabels: PodLabelWatchMaker?
    }

    private let makeSource: ProfilingReceiver.SourceMaker
    private let network: Network

    /// - Parameters:
    ///   - debugFiles: nil where the program has no network: `debuginfod` is then warned about.
    ///   - podLabels: nil where the program has no network: `pod_label` is then an error.
    public init(debugFiles: DebugFileProviderMaker? = nil, podLabels: PodLabelWatchMaker? = nil) {
        self.init(Network(debugFiles: debugFiles, podLabels: podLabels)) { options, log, handler in
            Engine(options: options, log: log, handler: handler)
        }
    }

    init(_ network: Network = Network(), makeSource: @escaping ProfilingReceiver.SourceMaker) {
        self.makeSource = makeSource
        self.network = network
    }

    public var type: String { "profiling" }
    public var stability: [Signal: Stability] { [.profiles: .alpha] }

    public func decode(_ section: ConfigurationSection) -> ProfilingConfiguration {
        ProfilingConfiguration(section)
    }

    public func makeReceiver(
        signal: Signal, configuration: ProfilingConfiguration, context: ComponentContext, next: any Consumer
    ) async throws -> any Receiver {
        ProfilingReceiver(
            configuration: configuration, context: context, next: next, network: network, makeSource: makeSource)
    }
}
