import Collector
import Foundation
import LiveSupport
import Testing

@testable import HTTPConfigurationProvider

/// Against Python's HTTP server.
struct HTTPConfigurationProviderTests {
    /// Serves a folder and says on which port.
    static let server = """
        import functools, http.server, sys
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
        server = http.server.HTTPServer(("127.0.0.1", 0), handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """

    func resolve(_ uris: [String]) async throws -> ConfigurationNode {
        let providers = ConfigurationResolver.defaultProviders + [HTTPConfigurationProvider(scheme: "http")]
        return try await ConfigurationResolver(providers: providers).resolve(ConfigurationSources(uris: uris)).root
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func fetchesConfigurationsAndValues() async throws {
        let folder = try TemporaryFolder()
        try Data("a: 1\nb: {c: 2}\n".utf8).write(to: URL(fileURLWithPath: folder.path(of: "one.yml")))
        try Data("[x, y]".utf8).write(to: URL(fileURLWithPath: folder.path(of: "list")))
        try Data([0xff, 0xfe]).write(to: URL(fileURLWithPath: folder.path(of: "binary")))
        let child = try ChildProcess(["python3", "-c", Self.server, folder.path])
        let port = try #require(try await onThread { try child.readLine() })
        let address = "http://127.0.0.1:\(port)"

        let root = try await resolve(["\(address)/one.yml", "yaml:b: {d: '${\(address)/list}'}"])
        #expect(root.json() == #"{"a":1,"b":{"c":2,"d":["x","y"]}}"#)

        for (path, cause) in [("/none", "status 404, not 200"), ("/binary", "not valid UTF-8")] {
            let error = await #expect(throws: CollectorError.self) { try await resolve([address + path]) }
            #expect(
                error?.message.contains("unable to download the file via HTTP GET for uri \"\(address)\(path)\"")
                    == true)
            #expect(error?.message.contains(cause) == true, "\(error?.message ?? "")")
        }
    }

    @Test func saysThatNobodyAnswers() async throws {
        let error = await #expect(throws: CollectorError.self) { try await resolve(["http://127.0.0.1:1/x"]) }
        #expect(error?.message.contains("unable to download the file via HTTP GET") == true)
    }

    @Test func isAskedForOnlyWhenItIsThere() async throws {
        let error = await #expect(throws: CollectorError.self) { try await resolve(["https://127.0.0.1:1/x"]) }
        #expect(error?.message == "unsupported scheme on URI \"https://127.0.0.1:1/x\"")
    }
}
