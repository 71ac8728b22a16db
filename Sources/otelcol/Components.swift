import Collector
import DebugExporter
import ElasticsearchExporter
import FileExporter
import NopExporter
import NopReceiver
import OTLPGRPCExporter
import OTLPHTTPExporter
import ProfileStoreExporter
import ProfileViewerExtension
import ProfilingMetricsConnector
import ProfilingReceiver

/// All components of this program: a new one is a module and a line here.
let components = ComponentFactories(
    receivers: [
        NopReceiverFactory(),
        ProfilingReceiverFactory(),
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
        ProfileViewerExtensionFactory()
    ]
)
