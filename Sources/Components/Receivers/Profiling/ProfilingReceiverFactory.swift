import Collector
import Engine

/// The receiver `profiling`: the whole host's profiles, taken with eBPF.
public struct ProfilingReceiverFactory: ReceiverFactory {
    private let makeSource: ProfilingReceiver.SourceMaker

    public init() {
        self.init { options, log, handler in Engine(options: options, log: log, handler: handler) }
    }

    init(makeSource: @escaping ProfilingReceiver.SourceMaker) {
        self.makeSource = makeSource
    }

    public var type: String { "profiling" }
    public var stability: [Signal: Stability] { [.profiles: .alpha] }

    public func decode(_ section: ConfigurationSection) -> ProfilingConfiguration {
        ProfilingConfiguration(section)
    }

    public func makeReceiver(
        signal: Signal, configuration: ProfilingConfiguration, context: ComponentContext, next: any Consumer
    ) async throws -> any Receiver {
        ProfilingReceiver(configuration: configuration, context: context, next: next, makeSource: makeSource)
    }
}
