import Collector
import DebugExporter
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
        FileExporterFactory(),
        NopExporterFactory(),
        OTLPGRPCExporterFactory(),
        OTLPHTTPExporterFactory(),
        ProfileStoreExporterFactory(),
        ForthcomingExporterFactory(type: "elasticsearch", signals: [.metrics, .logs, .traces, .profiles]),
    ],
    connectors: [
        ProfilingMetricsConnectorFactory()
    ],
    extensions: [
        ProfileViewerExtensionFactory()
    ]
)
