import BatchProcessor
import BearerTokenAuthExtension
import Collector
import DebugExporter
import ElasticsearchExporter
import FileExporter
import FileStorageExtension
import HealthCheckExtension
import K8sAttributesProcessor
import MemoryLimiterProcessor
import NopExporter
import NopReceiver
import OTLPGRPCExporter
import OTLPHTTPExporter
import OTLPReceiver
import ProfileStoreExporter
import ProfileViewerExtension
import ProfilingMetricsConnector
import ProfilingReceiver
import ResourceDetectionProcessor
import ResourceProcessor

/// All components of this program: a new one is a module and a line here.
let components = ComponentFactories(
    receivers: [
        NopReceiverFactory(),
        OTLPReceiverFactory(),
        ProfilingReceiverFactory(),
    ],
    processors: [
        BatchProcessorFactory(),
        K8sAttributesProcessorFactory(),
        MemoryLimiterProcessorFactory(),
        ResourceDetectionProcessorFactory(),
        ResourceProcessorFactory(),
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
        BearerTokenAuthFactory(),
        FileStorageExtensionFactory(),
        HealthCheckExtensionFactory(),
        ProfileViewerExtensionFactory()
    ]
)
