import Collector
import Logging
import OTLP
import ProfileStore
import Synchronization

/// Writes each batch of profiles into the store, in one transaction.
final class ProfileStoreExporter: Exporter {
    private let configuration: StoreConfiguration
    private let logger: Logger
    private let registry: ProfileStoreRegistry
    private let store = Mutex<ProfileStore?>(nil)
    private let sent: Counter
    private let rejected: Counter
    private let failed: Counter

    init(configuration: StoreConfiguration, context: ComponentContext, registry: ProfileStoreRegistry) {
        self.configuration = configuration
        self.registry = registry
        logger = context.logger
        let labels = ["exporter": "\(context.id)"]
        sent = context.metrics.counter(
            "otelcol_exporter_sent_profile_samples", help: "Samples that the exporter delivered.", labels: labels)
        failed = context.metrics.counter(
            "otelcol_exporter_send_failed_profile_samples", help: "Samples that the exporter could not deliver.",
            labels: labels)
        rejected = context.metrics.counter(
            "otelcol_profilestore_rejected_samples",
            help: "Samples not stored: broken references or negative values.", labels: labels)
    }

    func start(host: any Host) async throws {
        let opened = try await registry.open(configuration, writes: true, logger: logger)
        store.withLock { $0 = opened }
    }

    func consume(_ telemetry: Telemetry) async throws {
        guard case .profiles(let profiles) = telemetry else {
            throw PermanentError("exporter profilestore takes profiles, not \(telemetry.signal.rawValue)")
        }
        guard let store = store.withLock({ $0 }) else { throw PermanentError(StoreError.closed) }
        do {
            let result = try await store.ingest(profiles)
            sent.add(result.samples)
            rejected.add(result.rejectedSamples)
            if result.rejectedSamples > 0 {
                logger.warning(
                    "some samples were not stored: they point outside their dictionary or have negative values",
                    metadata: ["rejected": "\(result.rejectedSamples)", "stored": "\(result.samples)"])
            }
        } catch {
            failed.add(profiles.sampleCount)
            throw error
        }
    }

    func shutdown() async throws {
        guard let open = store.withLock({ $0.take() }) else { return }
        await registry.close(open)
    }
}
