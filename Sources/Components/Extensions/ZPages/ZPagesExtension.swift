import Collector
import Logging
import NIOHTTP1
import ServerSupport
import Synchronization

/// The extension `zpages`: what runs in this Collector, as pages for a browser.
public struct ZPagesExtensionFactory: ExtensionFactory {
    public struct Configuration: Sendable {
        public var server = HTTPServerConfiguration(address: .tcp(host: "localhost", port: 55679))
        /// Serves the Collector's own metrics as JSON at `/debug/expvarz`.
        public var showsVariables = false

        public init() {
            server.readHeaderTimeout = .seconds(60)
            server.writeTimeout = .seconds(30)
            server.idleTimeout = .seconds(60)
        }
    }

    public let type = "zpages"
    public let stability = Stability.beta

    public init() {}

    public func decode(_ section: ConfigurationSection) -> Configuration {
        var configuration = Configuration()
        configuration.server = HTTPServerConfiguration(section, defaults: configuration.server)
        configuration.showsVariables = section.section("expvar").boolean("enabled", default: false)
        return configuration
    }

    public func makeExtension(configuration: Configuration, context: ComponentContext) async throws -> any Extension {
        ZPagesExtension(configuration: configuration, context: context)
    }
}

final class ZPagesExtension: Extension {
    private let service: ZPagesService
    private let server: HTTPServer

    init(configuration: ZPagesExtensionFactory.Configuration, context: ComponentContext) {
        service = ZPagesService(metrics: context.metrics, showsVariables: configuration.showsVariables)
        server = HTTPServer(configuration: configuration.server, service: service, logger: context.logger)
    }

    /// The port listened on, while it is.
    var port: Int? { server.port }

    func start(host: any Host) async throws {
        service.set(host)
        try await server.start(host: host)
    }

    func shutdown() async throws { await server.shutdown() }
}

/// The pages under `/debug`.
final class ZPagesService: HTTPService {
    private let metrics: MetricsRegistry
    private let showsVariables: Bool
    private let host = Mutex<(any Host)?>(nil)

    init(metrics: MetricsRegistry, showsVariables: Bool) {
        self.metrics = metrics
        self.showsVariables = showsVariables
    }

    func set(_ host: any Host) { self.host.withLock { $0 = host } }

    func answer(_ request: HTTPRequest) async -> HTTPAnswer {
        guard request.method == .GET || request.method == .HEAD else {
            return .text(.methodNotAllowed, "only GET")
        }
        guard let state = host.withLock({ $0 })?.collector else {
            return .text(.serviceUnavailable, "the Collector has not started yet")
        }
        let pages = ZPages(state: state, metrics: metrics, showsVariables: showsVariables)
        switch request.path {
        case "/", "/debug", "/debug/":
            var answer = HTTPAnswer(status: .found)
            answer.headers.add(name: "Location", value: "/debug/servicez")
            return answer
        case "/debug/servicez": return page(pages.service)
        case "/debug/pipelinez":
            return page(pages.pipelines(component: request.queryValue("zcomponentname")))
        case "/debug/extensionz": return page(pages.extensions)
        case "/debug/featurez": return page(pages.features)
        case "/debug/tracez": return page(pages.traces)
        case "/debug/expvarz" where showsVariables:
            return HTTPAnswer(status: .ok, contentType: "application/json", body: Array(pages.variables.utf8))
        default: return .text(.notFound, "404 page not found")
        }
    }

    private func page(_ html: String) -> HTTPAnswer {
        var answer = HTTPAnswer(status: .ok, contentType: "text/html; charset=utf-8", body: Array(html.utf8))
        answer.headers.add(name: "Cache-Control", value: "no-store")
        answer.headers.add(name: "Content-Security-Policy", value: "default-src 'none'; style-src 'unsafe-inline'")
        return answer
    }
}
