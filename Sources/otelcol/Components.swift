import APIKeyAuthExtension
import AttributesProcessor
import BasicAuthExtension
import BatchProcessor
import BearerTokenAuthExtension
import Collector
import DebugExporter
import Debuginfod
import ElasticsearchExporter
import FileExporter
import FileStorageExtension
import FilterProcessor
import HealthCheckExtension
import K8sAttributesProcessor
import MemoryLimiterProcessor
import NopExporter
import NopReceiver
import OTLPGRPCExporter
import OTLPHTTPExporter
import OTLPReceiver
import PProfExtension
import ProfileStoreExporter
import ProfileViewerExtension
import ProfilingMetricsConnector
import ProfilingReceiver
import ResourceDetectionProcessor
import ResourceProcessor
import TransformProcessor
import ZPagesExtension

/// All components of this program: a new one is a module and a line here.
let components = ComponentFactories(
    receivers: [
        NopReceiverFactory(),
        OTLPReceiverFactory(),
        ProfilingReceiverFactory(debugFiles: debuginfodClient, podLabels: podLabelWatch),
    ],
    processors: [
        AttributesProcessorFactory(),
        BatchProcessorFactory(),
        FilterProcessorFactory(),
        K8sAttributesProcessorFactory(),
        MemoryLimiterProcessorFactory(),
        ResourceDetectionProcessorFactory(),
        ResourceProcessorFactory(),
        TransformProcessorFactory(),
    ],
    exporters: [
        DebugExporterFactory(),
        ElasticsearchExporterFactory(),
        FileExporterFactory(),
        NopExporterFactory(),
        OTLPGRPCExporterFactory(),
        OTLPHTTPExporterFactory(),
        ProfileStoreExporterFactory(),
    ],
    connectors: [
        ProfilingMetricsConnectorFactory()
    ],
    extensions: [
        APIKeyAuthFactory(),
        BasicAuthFactory(),
        BearerTokenAuthFactory(),
        FileStorageExtensionFactory(),
        HealthCheckExtensionFactory(),
        PProfExtensionFactory(),
        ProfileViewerExtensionFactory(),
        ZPagesExtensionFactory(),
    ]
)

extension PodLabels: PodLabelWatch {}

/// For the profiler, which itself knows no network.
private let podLabelWatch: ProfilingReceiverFactory.PodLabelWatchMaker = { settings, logger in
    var access = ClusterAccessConfiguration()
    access.authentication =
        switch settings.authentication {
        case .serviceAccount: .serviceAccount
        case .kubeConfig: .kubeConfig
        case .none: .none
        }
    access.kubeConfigPath = settings.kubeConfigPath
    access.context = settings.context
    return PodLabels(access: access, node: settings.node, logger: logger)
}

private let debuginfodClient: ProfilingReceiverFactory.DebugFileProviderMaker = { servers, folder, settings, log in
    var client = DebuginfodSettings(urls: servers, cacheFolder: folder)
    client.cacheLimitBytes = settings.cacheLimitMiB << 20
    client.fileLimitBytes = settings.fileLimitMiB << 20
    client.timeout = settings.timeout
    return DebuginfodClient(client) { log(.warning, $0) }
}
