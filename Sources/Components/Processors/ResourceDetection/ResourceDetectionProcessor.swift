import Collector
import Logging
import OTLP
import ProcessorSupport
import Synchronization

/// `resource_detection`: says of all telemetry which host, cloud and cluster it comes from.
public struct ResourceDetectionProcessorFactory: ProcessorFactory {
    public let type = "resource_detection"
    public let aliases = ["resourcedetection"]
    public let stability: [Signal: Stability] = [
        .traces: .beta, .metrics: .beta, .logs: .beta, .profiles: .development,
    ]

    public init() {}

    public func decode(_ section: ConfigurationSection) -> ResourceDetectionConfiguration {
        ResourceDetectionConfiguration(section)
    }

    public func makeProcessor(
        signal: Signal, configuration: ResourceDetectionConfiguration, context: ComponentContext, next: any Consumer
    ) -> any Processor {
        // The same for all signals: asked for once.
        let detection = context.shared.value { Detection(configuration, logger: context.logger) }
        return ResourceDetectionProcessor(detection: detection, overrides: configuration.overrides, next: next)
    }
}

struct ResourceDetectionProcessor: Processor {
    let detection: Detection
    let overrides: Bool
    let next: any Consumer

    func start(host: any Host) async throws { try await detection.start() }
    func shutdown() async throws { await detection.stop() }

    func consume(_ telemetry: Telemetry) async throws {
        let detected = detection.attributes
        var telemetry = telemetry
        telemetry.updateResources { resource in
            for attribute in detected where overrides || resource.attributes[attribute.key] == nil {
                resource.attributes[attribute.key] = attribute.value
            }
        }
        try await next.consume(telemetry)
    }
}

/// What was detected; shared by the processor's instances for several signals.
final class Detection: Sendable {
    private struct State {
        var users = 0
        var attributes: [OTLPKeyValue] = []
        var refreshing: Task<Void, Never>?
    }

    private let configuration: ResourceDetectionConfiguration
    private let logger: Logger
    private let detectors: [(settings: DetectorSettings, detector: any ResourceDetector)]
    private let state = Mutex(State())

    init(
        _ configuration: ResourceDetectionConfiguration, logger: Logger,
        makeDetector: (DetectorSettings) -> any ResourceDetector = { $0.makeDetector() }
    ) {
        self.configuration = configuration
        self.logger = logger
        detectors = configuration.detectors.map { ($0, makeDetector($0)) }
    }

    var attributes: [OTLPKeyValue] { state.withLock { $0.attributes } }

    func start() async throws {
        let isFirst = state.withLock { state in
            state.users += 1
            return state.users == 1
        }
        guard isFirst else { return }
        let found = try await detect()
        logger.info(
            "Detected the resource",
            metadata: ["attributes": "\(found.map { "\($0.key)=\($0.value.text)" }.joined(separator: ", "))"])
        state.withLock { $0.attributes = found }
        guard configuration.refreshInterval > .zero else { return }
        let task = Task {
            while true {
                do { try await Task.sleep(for: configuration.refreshInterval) } catch { return }
                do {
                    let found = try await detect()
                    state.withLock { $0.attributes = found }
                } catch {
                    logger.warning("The resource keeps what was detected before", metadata: ["error": "\(error)"])
                }
            }
        }
        state.withLock { $0.refreshing = task }
    }

    func stop() async {
        let task = state.withLock { state -> Task<Void, Never>? in
            state.users -= 1
            return state.users == 0 ? state.refreshing.take() : nil
        }
        task?.cancel()
        await task?.value
    }

    /// The first detector that knows an attribute decides about it.
    private func detect() async throws -> [OTLPKeyValue] {
        var result: [OTLPKeyValue] = []
        for (settings, detector) in detectors {
            let found: [DetectedAttribute]
            do {
                found = try await detector.detect(timeout: configuration.timeout)
            } catch {
                if settings.kind.needsNetwork, !settings.failsWithoutMetadata {
                    logger.debug(
                        "No metadata service", metadata: ["detector": "\(settings.kind)", "error": "\(error)"])
                    continue
                }
                throw CollectorError("detector \(settings.kind) failed: \(error)")
            }
            for attribute in found
            where settings.wants(attribute.name, byDefault: attribute.isOnByDefault) && result[attribute.name] == nil {
                result.append(OTLPKeyValue(attribute.name, attribute.value))
            }
        }
        return result
    }
}

extension DetectorKind {
    var needsNetwork: Bool {
        switch self {
        case .env, .system, .docker, .k8sAPI, .heroku, .dynatrace: false
        case .ec2, .ecs, .eks, .gcp, .azure, .aks: true
        }
    }
}
