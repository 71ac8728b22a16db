// swift-tools-version: 6.2
// Tools version 6.2, not 6.3: the arm64 cross-build uses Swift 6.2.3.

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
]

/// The archive of libFuzzer without `main`; set by `Scripts/fuzz`: the engine is then built to be fuzzed.
let libFuzzer = Context.environment["OTELCOL_LIBFUZZER"]

/// A Swift module at `Sources/<path>`; the module's name is the path's last component unless given.
func module(_ path: String, name: String? = nil, _ dependencies: [Target.Dependency] = []) -> Target {
    // The engine is optimised in debug builds too: live tests profile whole hosts with it, and unoptimised it would
    // take minutes to read a large executable. So are regular expressions, whose tests take millions of steps.
    let isOptimised = path.hasPrefix("Profiler/") || path == "RegularExpressions"
    var engine: [SwiftSetting] = isOptimised ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : []
    if libFuzzer != nil, path.hasPrefix("Profiler/") { engine.append(.unsafeFlags(["-sanitize=fuzzer"])) }
    return .target(
        name: name ?? String(path.split(separator: "/").last ?? ""),
        dependencies: dependencies, path: "Sources/\(path)", swiftSettings: strict + engine)
}

/// Tests at `Tests/<module>Tests`.
/// - Parameter exclude: files there that are no part of the tests' own code.
func tests(_ module: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(module)Tests", dependencies: [.byName(name: module), "TestRandomness"] + dependencies,
        path: "Tests/\(module)Tests",
        exclude: exclude, swiftSettings: strict)
}

// MARK: - The profiling engine: no networking package below this line

var targets: [Target] = [
    // Structs and constants shared with the kernel side, defined once in BPF/include.
    .systemLibrary(name: "CBPFInterface", path: "BPF/include"),
    module("Profiler/BinaryReading"),
    tests("BinaryReading"),
    // perf_event_open(2), its rings, and system calls that Swift cannot name.
    .target(name: "CPerfEvents", path: "Sources/Profiler/CPerfEvents"),
    // Whether this process may profile, and what to do when not.
    module("Profiler/Privileges"),
    tests("Privileges"),
    module("Profiler/Processes", ["BinaryReading", "CBPFInterface", "CPerfEvents", "ObjectFiles", "Privileges"]),
    tests("Processes", ["BinaryReading", "LiveSupport"]),
    // BPF object files, compiled by Scripts/build-bpf and embedded in the executable.
    .target(name: "CBPFObjects", path: "Sources/Profiler/CBPFObjects", exclude: ["objects"]),
    .systemLibrary(name: "CLibBPF", path: "Sources/Profiler/CLibBPF"),
    .target(name: "CBPFSupport", path: "Sources/Profiler/CBPFSupport"),
    // The kernel side's unwinders, compiled for user mode.
    .target(
        name: "CSnapshotUnwinding", dependencies: ["CBPFInterface"], path: "BPF/usermode",
        sources: ["x86_64.c", "arm64.c"], cSettings: [.headerSearchPath("..")]),
    module(
        "Profiler/BPFObjects",
        ["CBPFInterface", "CBPFObjects", "CBPFSupport", "CLibBPF", "CPerfEvents", "Privileges"]),
    tests("BPFObjects", ["LiveSupport"]),
    .target(name: "CEngineSupport", path: "Sources/Profiler/CEngineSupport"),
    // The engine: samples in, counted and named traces out.
    module(
        "Profiler/Engine",
        [
            "BEAMRuntime",
            "BPFObjects", "BinaryReading", "CBPFInterface", "CEngineSupport", "CSnapshotUnwinding", "ObjectFiles",
            "DotNetRuntime",
            "JVMRuntime",
            "PHPRuntime", "PerlRuntime", "Privileges", "Processes", "PythonRuntime", "RubyRuntime", "RuntimeSupport",
            "Symbolization",
            "Unwinding", "V8Runtime",
        ]),
    tests("Engine", ["CBPFInterface", "LiveSupport"]),
    // Managed runtimes: what they share, and a module for each.
    module("Profiler/RuntimeSupport", ["CBPFInterface", "ObjectFiles", "Processes"]),
    tests("RuntimeSupport", ["Processes"]),
    module(
        "Profiler/Runtimes/BEAM", name: "BEAMRuntime",
        ["CBPFInterface", "ObjectFiles", "Processes", "RuntimeSupport"]),
    tests("BEAMRuntime", ["CBPFInterface", "LiveSupport", "ObjectFiles", "Processes", "RuntimeSupport"], exclude: ["Recorded"]),
    module(
        "Profiler/Runtimes/DotNet", name: "DotNetRuntime",
        ["CBPFInterface", "ObjectFiles", "Processes", "RuntimeSupport"]),
    tests(
        "DotNetRuntime", ["LiveSupport", "ObjectFiles", "Processes", "RuntimeSupport"],
        exclude: ["Recorded"]),
    module(
        "Profiler/Runtimes/JVM", name: "JVMRuntime",
        ["CBPFInterface", "ObjectFiles", "Processes", "RuntimeSupport"]),
    tests("JVMRuntime", ["CBPFInterface", "LiveSupport", "ObjectFiles", "Processes", "RuntimeSupport"]),
    module(
        "Profiler/Runtimes/PHP", name: "PHPRuntime",
        ["CBPFInterface", "ObjectFiles", "Processes", "RuntimeSupport"]),
    tests("PHPRuntime", ["CBPFInterface", "Processes", "RuntimeSupport"], exclude: ["Recorded"]),
    module(
        "Profiler/Runtimes/Python", name: "PythonRuntime",
        ["CBPFInterface", "ObjectFiles", "Processes", "RuntimeSupport"]),
    tests("PythonRuntime", ["LiveSupport"]),
    module(
        "Profiler/Runtimes/Perl", name: "PerlRuntime",
        ["CBPFInterface", "ObjectFiles", "Processes", "RuntimeSupport"]),
    tests("PerlRuntime", ["CBPFInterface", "LiveSupport", "Processes", "RuntimeSupport"]),
    module(
        "Profiler/Runtimes/Ruby", name: "RubyRuntime",
        ["CBPFInterface", "ObjectFiles", "Processes", "RuntimeSupport"]),
    tests("RubyRuntime", ["LiveSupport", "ObjectFiles", "Processes"]),
    module(
        "Profiler/Runtimes/V8", name: "V8Runtime",
        ["CBPFInterface", "ObjectFiles", "Processes", "RuntimeSupport"]),
    tests("V8Runtime", ["CBPFInterface", "LiveSupport", "ObjectFiles", "Processes", "RuntimeSupport"], exclude: ["Recorded"]),
    // Recorded stacks, replayed by the unwinders compiled for user mode.
    module(
        "Profiler/UnwindCases",
        [
            "BPFObjects", "BinaryReading", "CBPFInterface", "CSnapshotUnwinding", "ObjectFiles", "Processes",
            "Symbolization", "Unwinding",
        ]),
    tests("UnwindCases", ["CBPFInterface", "CSnapshotUnwinding", "LiveSupport", "ObjectFiles", "Unwinding"]),
    // zlib and libzstd, linked statically.
    .systemLibrary(name: "CZlib", path: "Sources/CZlib"),
    .systemLibrary(name: "CZstd", path: "Sources/CZstd"),
    module("Profiler/ObjectFiles", ["BinaryReading", "CZlib", "CZstd"]),
    tests("ObjectFiles", ["BinaryReading"]),
    .target(
        name: "CDemangle", path: "Sources/Profiler/CDemangle", linkerSettings: [.linkedLibrary("stdc++")]),
    module("Profiler/Symbolization", ["CDemangle", "DWARF", "ObjectFiles"]),
    tests("Symbolization", ["DWARF", "LiveSupport", "ObjectFiles"], exclude: ["Programs"]),
    // Every reader of foreign bytes as a fuzz target; `make fuzz`.
    .target(
        name: "FuzzTargets",
        dependencies: [
            "BEAMRuntime", "BinaryReading", "CBPFInterface", "DWARF", "DotNetRuntime", "JVMRuntime", "LZ4Compression",
            "ObjectFiles",
            "PHPRuntime",
            "PerlRuntime",
            "Processes",
            "PythonRuntime",
            "RubyRuntime",
            "SnappyCompression", "Symbolization", "TestRandomness", "Unwinding", "V8Runtime",
        ],
        path: "Fuzz", exclude: ["Corpus", "Runner"], swiftSettings: strict),
    .executableTarget(
        name: "fuzz", dependencies: ["FuzzTargets"], path: "Fuzz/Runner",
        swiftSettings: strict + (libFuzzer == nil ? [] : [.define("LIBFUZZER")]),
        linkerSettings: libFuzzer.map { [.unsafeFlags([$0]), .linkedLibrary("stdc++")] } ?? []),
    .testTarget(
        name: "FuzzTests", dependencies: ["FuzzTargets"], path: "Tests/FuzzTests", swiftSettings: strict),
    // Pseudo-random numbers for tests and benchmarks.
    .target(name: "TestRandomness", path: "Tests/Support/TestRandomness", swiftSettings: strict),
    .executableTarget(
        name: "symbolization-benchmark", dependencies: ["ObjectFiles", "Symbolization"],
        path: "Benchmarks/Symbolization", swiftSettings: strict),
]

// MARK: - OTLP: generated messages and services (Scripts/generate-otlp), and helpers on them

targets += [
    module("OTLP", [.product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    tests("OTLP", [.product(name: "SwiftProtobuf", package: "swift-protobuf"), "OTLPTestSupport"]),
    module(
        "OTLPServices",
        [
            "OTLP", .product(name: "GRPCCore", package: "grpc-swift-2"),
            .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
        ]),
    module("Profiler/DWARF", ["BinaryReading", "ObjectFiles"]),
    tests("DWARF", ["ObjectFiles"]),
    module("Profiler/Unwinding", ["BinaryReading", "CBPFInterface", "DWARF", "ObjectFiles"]),
    tests("Unwinding", ["CBPFInterface", "LiveSupport", "ObjectFiles"]),
    .executableTarget(
        name: "unwind-tables-benchmark", dependencies: ["ObjectFiles", "Unwinding"], path: "Benchmarks/UnwindTables",
        swiftSettings: strict),
]

// MARK: - Regular expressions in RE2's syntax, matched in linear time

targets += [
    module("RegularExpressions"),
    tests("RegularExpressions", ["LiveSupport"]),
]

// MARK: - The Collector and its components

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

targets += [
    // What makes it a Collector: component model, configuration, feature gates, graph, lifecycle, own telemetry.
    module("Collector", ["CMalloc", "OTLP", logging, yams]),
    tests("Collector", ["OTLP", logging]),
    module(
        "PrometheusEndpoint",
        [
            "Collector", logging, .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        ]),
    tests("PrometheusEndpoint", ["Collector", logging]),
    // Configurations from `http` and `https` URIs.
    module(
        "HTTPConfigurationProvider",
        [
            "Collector", .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"),
        ]),
    tests("HTTPConfigurationProvider", ["Collector", "LiveSupport"]),
    module("Components/Receivers/NopReceiver", ["Collector"]),
    module("Components/Exporters/NopExporter", ["Collector"]),
    module(
        "Components/Receivers/Profiling", name: "ProfilingReceiver",
        ["CBPFInterface", "Collector", "Engine", "OTLP", "Processes", "Symbolization", logging]),
    tests(
        "ProfilingReceiver",
        [
            "Collector", "Engine", "OTLP", "OTLPTestSupport", "Processes", logging,
            .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        ]),
    .executableTarget(
        name: "profiles-encoding-benchmark", dependencies: ["Engine", "OTLP", "ProfilingReceiver", "TestRandomness"],
        path: "Benchmarks/ProfilesEncoding", swiftSettings: strict),
    // Debug files from servers.
    module(
        "Debuginfod",
        [
            "ObjectFiles", "Symbolization", .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
        ]),
    .testTarget(
        name: "DebuginfodTests", dependencies: ["Debuginfod", "LiveSupport", "ObjectFiles"],
        path: "Tests/DebuginfodTests", exclude: ["server.py"], swiftSettings: strict),
    .executableTarget(
        name: "otelcol",
        dependencies: [
            "CEngineSupport", "Collector", "Debuginfod", "Engine", "ExporterSupport", "HTTPConfigurationProvider",
            "HTTPClientSupport", "PrometheusEndpoint", argumentParser, logging,
            "APIKeyAuthExtension",
            "AttributesProcessor",
            "BatchProcessor",
            "BasicAuthExtension",
            "BearerTokenAuthExtension",
            "FileStorageExtension",
            "DebugExporter",
            "ElasticsearchExporter",
            "FileExporter",
            "FilterProcessor",
            "HealthCheckExtension",
            "K8sAttributesProcessor",
            "MemoryLimiterProcessor",
            "NopExporter",
            "NopReceiver",
            "ProfilingMetricsConnector",
            "OTLPGRPCExporter",
            "OTLPHTTPExporter",
            "OTLPReceiver",
            "PProfExtension",
            "ProfileStoreExporter",
            "ProfileViewerExtension",
            "ProfilingReceiver",
            "ResourceDetectionProcessor",
            "ResourceProcessor",
            "TransformProcessor",
            "UnwindCases",
            "ZPagesExtension",
        ],
        path: "Sources/otelcol", swiftSettings: strict),
    tests(
        "otelcol",
        ["Collector", "ElasticsearchDouble", "LiveSupport", "OTLP", "OTLPTestSupport", "ProfileStore", logging]),
]

// MARK: - Connectors

targets += [
    module(
        "Components/Connectors/ProfilingMetrics", name: "ProfilingMetricsConnector",
        ["Collector", "OTLP", "RegularExpressions", logging]),
    tests("ProfilingMetricsConnector", ["Collector", "OTLP", "RegularExpressions", logging]),
    .executableTarget(
        name: "profiling-metrics-benchmark",
        dependencies: ["Collector", "OTLP", "ProfilingMetricsConnector", "TestRandomness", logging],
        path: "Benchmarks/ProfilingMetrics", swiftSettings: strict),
]

// MARK: - Profile store and viewer

let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")

targets += [
    module("ProfileStore", ["OTLP", grdb, logging]),
    tests("ProfileStore", ["OTLP", "SyntheticProfiles", "ProfileStoreWriter", grdb, logging]),
    .executableTarget(
        name: "ProfileStoreWriter", dependencies: ["ProfileStore", "SyntheticProfiles", logging],
        path: "Tests/Support/ProfileStoreWriter", swiftSettings: strict),
    // The page's files, embedded in the binary by the C compiler.
    .target(name: "CProfileViewerPage", path: "Sources/ProfileViewer/Page"),
    module(
        "ProfileViewer/Server", name: "ProfileViewer",
        ["ProfileStore", "CProfileViewerPage", .product(name: "Hummingbird", package: "hummingbird"), logging]),
    tests(
        "ProfileViewer",
        ["ProfileStore", "SyntheticProfiles", .product(name: "HummingbirdTesting", package: "hummingbird"), logging]),
    module(
        "Components/Exporters/ProfileStore", name: "ProfileStoreExporter",
        ["Collector", "OTLP", "ProfileStore", logging]),
    module(
        "Components/Extensions/ProfileViewer", name: "ProfileViewerExtension",
        ["Collector", "ProfileStore", "ProfileViewer", logging]),
    tests(
        "ProfileViewerExtension",
        ["Collector", "ProfileStore", "ProfileStoreExporter", "ProfileViewer", "SyntheticProfiles", logging]),
    // Made-up profiles for tests, and for trying the page by hand.
    .target(
        name: "SyntheticProfiles", dependencies: ["OTLP", "TestRandomness"], path: "Tests/Support/SyntheticProfiles",
        swiftSettings: strict),
    .executableTarget(
        name: "profileviewer-demo", dependencies: ["ProfileViewer", "ProfileStore", "SyntheticProfiles", logging],
        path: "Benchmarks/profileviewer-demo", swiftSettings: strict),
]

// MARK: - Exporters

let exporterTests: [Target.Dependency] = ["OTLPTestSupport", "ExporterTestSupport", "LiveSupport", "Collector", logging]

targets += [
    // Codecs without dependencies, so that they are fuzzed without networking packages.
    module("Components/SnappyCompression"),
    tests("SnappyCompression", ["LiveSupport"]),
    module("Components/LZ4Compression"),
    tests("LZ4Compression", ["LiveSupport"]),
    module("Components/ZlibCompression", ["CZlib"]),
    tests("ZlibCompression", ["LiveSupport"]),
    // What exporters have in common: queue, retries, timeouts, TLS settings.
    module(
        "Components/Exporters/ExporterSupport",
        ["Collector", "OTLP", logging, .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    tests("ExporterSupport", exporterTests),
    // TLS of the exporters that use a network.
    module(
        "Components/Exporters/ClientTLS",
        [
            "Collector", "ExporterSupport", .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
        ]),
    module(
        "Components/Exporters/OTLPGRPCExporter",
        [
            "ClientTLS", "Collector", "ExporterSupport", "OTLPServices", logging,
            .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
        ]),
    tests("OTLPGRPCExporter", exporterTests),
    // What makes requests by HTTP: proxies, cookies, header fields and whatever signs them.
    module(
        "Components/Exporters/HTTPClientSupport",
        [
            "ClientTLS", "Collector", "ExporterSupport", logging,
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    tests("HTTPClientSupport", exporterTests + [.product(name: "NIOCore", package: "swift-nio")]),
    module(
        "Components/Exporters/OTLPHTTPExporter",
        [
            "ClientTLS", "Collector", "ExporterSupport", "HTTPClientSupport", "LZ4Compression", "OTLP", "SnappyCompression",
            "ZlibCompression", "ZstdCompression", logging,
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        ]),
    tests("OTLPHTTPExporter", exporterTests + ["ClientTLS", "ExporterSupport", "HTTPClientSupport"]),
    module(
        "Components/Exporters/Elasticsearch", name: "ElasticsearchExporter",
        [
            "ClientTLS", "Collector", "ExporterSupport", "HTTPClientSupport", "HostIdentity", "OTLP", "ZlibCompression",
            logging,
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    tests(
        "ElasticsearchExporter",
        exporterTests
            + [
                "ElasticsearchDouble", "FileStorageExtension", "HTTPClientSupport", "HostIdentity", "OTLP", "ProfilingMetricsConnector",
                "SyntheticProfiles", "ZlibCompression",
            ]),
    .executableTarget(
        name: "elasticsearch-documents-benchmark",
        dependencies: ["Collector", "ElasticsearchExporter", "HTTPClientSupport", "OTLP", "TestRandomness", logging],
        path: "Benchmarks/ElasticsearchDocuments", swiftSettings: strict),
    module("Components/Exporters/DebugExporter", ["Collector", "ExporterSupport", "OTLP", logging]),
    tests("DebugExporter", exporterTests),
    module(
        "Components/Exporters/FileExporter",
        ["Collector", "ExporterSupport", "OTLP", logging, .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    tests("FileExporter", exporterTests),
]

// MARK: - Receivers with a server

targets += [
    module("Components/ZstdCompression", ["CZstd"]),
    tests("ZstdCompression", ["LiveSupport"]),
    // What components that listen have in common: addresses, TLS, an HTTP server.
    module(
        "Components/ServerSupport",
        [
            "ClientTLS", "Collector", "ExporterSupport", "LZ4Compression", "SnappyCompression", "ZlibCompression",
            "ZstdCompression", logging,
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOHTTP2", package: "swift-nio-http2"), .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
        ]),
    tests(
        "ServerSupport",
        exporterTests + [
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    module(
        "Components/Receivers/OTLP", name: "OTLPReceiver",
        [
            "Collector", "ExporterSupport", "OTLP", "OTLPServices", "ServerSupport", logging,
            .product(name: "GRPCCore", package: "grpc-swift-2"),
            .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
            .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
            .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        ]),
    tests("OTLPReceiver", exporterTests + ["ExporterSupport", "ServerSupport", "OTLP"]),
]

// MARK: - Processors

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

targets += [
    // What processors have in common: attributes and what is done with them.
    module("Components/Processors/ProcessorSupport", ["Collector", "OTLP", "RegularExpressions", crypto]),
    tests("ProcessorSupport", exporterTests + ["OTLP"]),
    module(
        "Components/Processors/Attributes", name: "AttributesProcessor",
        ["Collector", "OTLP", "ProcessorSupport", "RegularExpressions"]),
    tests("AttributesProcessor", exporterTests + ["OTLP", "ProcessorSupport"]),
    module(
        "Components/Processors/OTTL",
        ["Collector", "OTLP", "ProcessorSupport", "RegularExpressions", crypto]),
    tests("OTTL", exporterTests + ["OTLP", "ProcessorSupport", "SyntheticProfiles"]),
    module("Components/Processors/Filter", name: "FilterProcessor", ["Collector", "OTTL", logging]),
    tests("FilterProcessor", exporterTests + ["OTLP", "ProcessorSupport"]),
    module("Components/Processors/Transform", name: "TransformProcessor", ["Collector", "OTTL", logging]),
    tests("TransformProcessor", exporterTests + ["OTLP", "ProcessorSupport"]),
    module(
        "Components/Processors/Resource", name: "ResourceProcessor", ["Collector", "OTLP", "ProcessorSupport"]),
    module(
        "Components/Processors/ResourceDetection", name: "ResourceDetectionProcessor",
        [
            "Collector", "ExporterSupport", "HostIdentity", "K8sAttributesProcessor", "OTLP", "ProcessorSupport",
            "RegularExpressions", logging,
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    tests("ResourceDetectionProcessor", exporterTests + ["OTLP", "ProcessorSupport"]),
    module(
        "Components/Processors/K8sAttributes", name: "K8sAttributesProcessor",
        [
            "ClientTLS", "Collector", "ExporterSupport", "OTLP", "ProcessorSupport", "RegularExpressions", logging, yams,
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
        ]),
    tests("K8sAttributesProcessor", exporterTests + ["KubernetesDouble", "OTLP", "ProcessorSupport"]),
    module("HostIdentity"),
    .systemLibrary(name: "CMalloc", path: "Sources/Components/CMalloc"),
    module("Components/Processors/Batch", name: "BatchProcessor", ["Collector", "OTLP", logging]),
    tests("BatchProcessor", exporterTests + ["OTLP"]),
    module("Components/Processors/MemoryLimiter", name: "MemoryLimiterProcessor", ["CMalloc", "Collector", logging]),
    tests("MemoryLimiterProcessor", exporterTests),
]

// MARK: - Extensions

targets += [
    module(
        "Components/Extensions/HealthCheck", name: "HealthCheckExtension",
        ["Collector", "ServerSupport", logging, .product(name: "NIOHTTP1", package: "swift-nio")]),
    tests("HealthCheckExtension", exporterTests + ["ServerSupport"]),
    // crypt(3), linked statically: the hashes of password files.
    .systemLibrary(name: "CCrypt", path: "Sources/Components/CCrypt"),
    module(
        "Components/Extensions/APIKeyAuth", name: "APIKeyAuthExtension",
        [
            "ClientTLS", "Collector", "ExporterSupport", logging, crypto,
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    tests("APIKeyAuthExtension", exporterTests + ["ExporterSupport"]),
    module(
        "Components/Extensions/BasicAuth", name: "BasicAuthExtension",
        ["CCrypt", "Collector", "ExporterSupport", logging, crypto]),
    tests("BasicAuthExtension", exporterTests),
    module(
        "Components/Extensions/BearerTokenAuth", name: "BearerTokenAuthExtension",
        ["Collector", "ExporterSupport", logging]),
    tests("BearerTokenAuthExtension", exporterTests),
    module(
        "Components/Extensions/PProf", name: "PProfExtension",
        [
            "Collector", "ExporterSupport", "OTLP", "ServerSupport", "ZlibCompression", logging,
            .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    tests("PProfExtension", exporterTests + ["OTLP", "ServerSupport", "ZlibCompression"]),
    module(
        "Components/Extensions/ZPages", name: "ZPagesExtension",
        ["Collector", "ServerSupport", logging, .product(name: "NIOHTTP1", package: "swift-nio")]),
    tests("ZPagesExtension", exporterTests + ["ServerSupport"]),
    module("SegmentLog", ["CZlib"]),
    tests("SegmentLog"),
    module(
        "Components/Extensions/FileStorage", name: "FileStorageExtension",
        ["Collector", "ExporterSupport", "SegmentLog", logging]),
    tests("FileStorageExtension", exporterTests + ["ExporterSupport", "OTLP"]),
]

// MARK: - Support for tests

targets += [
    .executableTarget(
        name: "small-collector",
        dependencies: ["CEngineSupport", "Collector", "Engine", "FileExporter", "ProfilingReceiver"],
        path: "Tests/Support/SmallCollector", swiftSettings: strict),
    .target(name: "CLiveSupport", path: "Tests/Support/CLiveSupport"),
    .target(
        name: "LiveSupport", dependencies: ["CLiveSupport"], path: "Tests/Support/LiveSupport", swiftSettings: strict),
    tests("LiveSupport"),
    .target(
        name: "OTLPTestSupport",
        dependencies: ["OTLP", "LiveSupport", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
        path: "Tests/Support/OTLPTestSupport", swiftSettings: strict),
    tests("OTLPTestSupport"),
    .target(
        name: "ExporterTestSupport", dependencies: ["Collector", "LiveSupport", logging],
        path: "Tests/Support/ExporterTestSupport", swiftSettings: strict),
    // A double of Elasticsearch, in Python, and what tests ask it.
    .target(
        name: "ElasticsearchDouble",
        dependencies: [
            "LiveSupport", .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"),
        ],
        path: "Tests/Support/ElasticsearchDouble", swiftSettings: strict),
    // A double of the Kubernetes API: lists, watches, selectors.
    .target(
        name: "KubernetesDouble",
        dependencies: [
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
        ],
        path: "Tests/Support/KubernetesDouble", swiftSettings: strict),
    // What needs a real kernel and real programs.
    .testTarget(
        name: "LiveTests", dependencies: ["Engine", "LiveSupport", "ObjectFiles", "Symbolization"], path: "Tests/Live",
        exclude: ["Container", "KernelMatrix", "Programs"], swiftSettings: strict),
]

// MARK: - Dependencies

var dependencies: [Package.Dependency] = []

/// Which package a product comes from; a package is resolved only when a kept target uses it.
let packages: [String: (url: String, from: Version, traits: Set<Package.Dependency.Trait>?)] = [
    "swift-argument-parser": ("https://github.com/apple/swift-argument-parser", "1.5.0", nil),
    "swift-log": ("https://github.com/apple/swift-log", "1.6.0", nil),
    "swift-metrics": ("https://github.com/apple/swift-metrics", "2.5.0", nil),
    "swift-collections": ("https://github.com/apple/swift-collections", "1.1.4", nil),
    "swift-crypto": ("https://github.com/apple/swift-crypto", "4.0.0", nil),
    "swift-system": ("https://github.com/apple/swift-system", "1.4.0", nil),
    "swift-nio": ("https://github.com/apple/swift-nio", "2.96.0", nil),
    "swift-nio-http2": ("https://github.com/apple/swift-nio-http2", "1.38.0", nil),
    "swift-nio-ssl": ("https://github.com/apple/swift-nio-ssl", "2.34.0", nil),
    "swift-protobuf": ("https://github.com/apple/swift-protobuf", "1.38.0", []),
    "swift-service-lifecycle": ("https://github.com/swift-server/swift-service-lifecycle", "2.6.0", nil),
    "async-http-client": ("https://github.com/swift-server/async-http-client", "1.24.0", nil),
    "grpc-swift-2": ("https://github.com/grpc/grpc-swift-2", "2.3.0", nil),
    "grpc-swift-nio-transport": ("https://github.com/grpc/grpc-swift-nio-transport", "2.8.0", nil),
    "grpc-swift-protobuf": ("https://github.com/grpc/grpc-swift-protobuf", "2.4.0", nil),
    "hummingbird": ("https://github.com/hummingbird-project/hummingbird", "2.20.0", nil),
    "Yams": ("https://github.com/jpsim/Yams", "6.2.0", nil),
    "GRDB.swift": ("https://github.com/groue/GRDB.swift", "7.10.0", nil),
]

// MARK: - Building a part

/// `OTELCOL_ONLY=A,B` keeps only the named targets and what they depend on, so that one part builds and tests
/// in seconds without the packages that the rest needs.
if let only = Context.environment["OTELCOL_ONLY"], !only.isEmpty {
    var wanted = Set(only.split(separator: ",").map(String.init))
    var frontier = wanted
    while !frontier.isEmpty {
        var next: Set<String> = []
        for target in targets where frontier.contains(target.name) {
            for dependency in target.dependencies {
                switch dependency {
                case .targetItem(let name, _), .byNameItem(let name, _): next.insert(name)
                default: break
                }
            }
        }
        frontier = next.subtracting(wanted)
        wanted.formUnion(next)
    }
    targets.removeAll { !wanted.contains($0.name) }
}

var usedPackages: Set<String> = []
for target in targets {
    for case .productItem(_, let package?, _, _) in target.dependencies { usedPackages.insert(package) }
}
for name in usedPackages.sorted() {
    guard let package = packages[name] else { fatalError("package \(name) is not listed in Package.swift") }
    if let traits = package.traits {
        dependencies.append(.package(url: package.url, from: package.from, traits: traits))
    } else {
        dependencies.append(.package(url: package.url, from: package.from))
    }
}

let package = Package(name: "otelcol", dependencies: dependencies, targets: targets)
