import Testing

@testable import Collector
@testable import ProfilingReceiver

/// Where names of native code come from, and where they are kept.
@Suite struct NativeSymbolsConfigurationTests {
    private func decode(_ yaml: String) throws -> (ProfilingConfiguration, errors: [String]) {
        let diagnostics = ConfigurationDiagnostics()
        let section = ConfigurationSection(
            path: "receivers::profiling", node: try YAMLDocument.parse(yaml, source: "c.yaml"),
            diagnostics: diagnostics)
        let configuration = ProfilingReceiverFactory().decode(section)
        section.finish()
        return (configuration, diagnostics.errors.map(\.description))
    }

    @Test func keys() throws {
        let (configuration, errors) = try decode(
            """
            native_symbols: { on_host: false, cache_folder: /var/cache/names, cache_limit_mib: 8 }
            debuginfod:
              urls: [https://debuginfod.example/, http://localhost:8002]
              cache_folder: /var/cache/debug
              cache_limit_mib: 100
              file_limit_mib: 10
              timeout: 5s
            """)
        #expect(errors.isEmpty)
        var symbols = NativeSymbolsConfiguration()
        (symbols.isOnHost, symbols.cacheFolder, symbols.cacheLimitMiB) = (false, "/var/cache/names", 8)
        #expect(configuration.nativeSymbols == symbols)
        let servers = configuration.debuginfod
        #expect(servers.urls == ["https://debuginfod.example/", "http://localhost:8002"])
        #expect(servers.cacheFolder == "/var/cache/debug")
        #expect((servers.cacheLimitMiB, servers.fileLimitMiB) == (100, 10))
        #expect(servers.timeout == .seconds(5))
        #expect(!configuration.engineOptions.namesNativeCode)
        #expect(configuration.engineOptions.nameStoreFolder == "/var/cache/names")
        #expect(configuration.engineOptions.nameStoreLimitBytes == 8 << 20)
    }

    @Test(arguments: [
        ("debuginfod: { urls: [ftp://x] }", "urls"), ("debuginfod: { cache_folder: here }", "cache_folder"),
        ("debuginfod: { timeout: 0s }", "timeout"), ("native_symbols: { on_host: maybe }", "on_host"),
        ("native_symbols: { cache_limit: 1 }", "cache_limit"),
    ])
    func mistakesAreReported(yaml: String, key: String) throws {
        let errors = try decode(yaml).errors
        #expect(errors.count == 1)
        #expect(errors.first?.contains(key) ?? false, "\(errors)")
    }

    /// Off unless somebody says where to ask.
    @Test func environment() {
        let none: (String) -> String? = { _ in nil }
        let servers = DebuginfodConfiguration()
        #expect(servers.servers(environment: none).isEmpty)
        #expect(
            servers.servers { $0 == "DEBUGINFOD_URLS" ? "ima:enforcing https://a/ \thttps://b file:///x" : nil }
                == ["https://a/", "https://b"])
        var own = servers
        own.urls = []
        #expect(own.servers { _ in "https://a" }.isEmpty)

        #expect(servers.folder(environment: none) == "/var/cache/otelcol/debuginfod_client")
        #expect(servers.folder { ["HOME": "/home/user"][$0] } == "/home/user/.cache/debuginfod_client")
        #expect(servers.folder { ["HOME": "/home/user", "XDG_CACHE_HOME": "/c"][$0] } == "/c/debuginfod_client")
        #expect(servers.folder { ["CACHE_DIRECTORY": "/s:/t", "HOME": "/home/user"][$0] } == "/s/debuginfod_client")
        #expect(servers.folder { ["DEBUGINFOD_CACHE_PATH": "/d", "HOME": "/home/user"][$0] } == "/d")

        var symbols = NativeSymbolsConfiguration()
        #expect(symbols.folder(environment: none) == nil)
        #expect(symbols.folder { ["CACHE_DIRECTORY": "/s"][$0] } == "/s/names")
        symbols.cacheFolder = ""
        #expect(symbols.folder { ["CACHE_DIRECTORY": "/s"][$0] } == nil)
    }
}
