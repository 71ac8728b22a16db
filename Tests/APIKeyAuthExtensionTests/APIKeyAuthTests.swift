import Collector
import ExporterSupport
import ExporterTestSupport
import Foundation
import LiveSupport
import Testing

@testable import APIKeyAuthExtension

/// Against a server in Python that answers as Elasticsearch documents it.
struct APIKeyAuthTests {
    let log = LogRecorder()

    /// Answers with the statuses in turn, then with the last; 200 accepts `good` for the resources `a` and `tenant:1`.
    /// Prints one line a request.
    static let server = #"""
        import base64, http.server, json, sys
        statuses = [int(word) for word in sys.argv[1:]]
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
                scheme, _, key = self.headers["Authorization"].partition(" ")
                known = scheme == "ApiKey" and base64.b64decode(key).decode().split(":")[1] == "good"
                if self.path != "/prefix/_security/user/_has_privileges":
                    status = 404
                if status == 200 and not known:
                    status = 401
                resources = {r for a in body["application"] for r in a["resources"]}
                answer = json.dumps({"username": "agent", "has_all_requested": resources <= {"a", "tenant:1"},
                                     "cluster": {}, "index": {}, "application": {}}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                print(json.dumps(body), flush=True)
            def log_message(self, *arguments):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """#

    func running(
        _ statuses: [Int], _ change: (inout APIKeyAuthConfiguration) -> Void = { _ in }
    ) async throws -> (auth: APIKeyAuth, server: ChildProcess) {
        let server = try ChildProcess(["python3", "-c", Self.server] + statuses.map { "\($0)" })
        let port = try await onThread { try server.readLine() } ?? ""
        var configuration = APIKeyAuthConfiguration()
        configuration.endpoint = "http://127.0.0.1:\(port)/prefix"
        configuration.privileges = [
            .init(application: "apm", privileges: ["event:write"], resources: ["a"], dynamicResources: [])
        ]
        configuration.retry?.initialInterval = .milliseconds(1)
        configuration.cache.iterations = 2
        change(&configuration)
        let auth = APIKeyAuth(configuration, context: log.context(.extension, type: "apikeyauth"))
        try await auth.start(host: EmptyHost())
        return (auth, server)
    }

    static func key(_ text: String) -> [String: [String]] {
        ["authorization": ["ApiKey \(Data(text.utf8).base64EncodedString())"]]
    }

    /// What the extension says: the user's name, or the error.
    func answer(_ auth: APIKeyAuth, _ headers: [String: [String]]) async -> String {
        do {
            return try await auth.authenticate(headers: headers)["username"] ?? ""
        } catch {
            #expect(!"\(error)".contains("good"))
            return "\(error)"
        }
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func asksTheClusterOnce() async throws {
        let (auth, server) = try await running([200])
        for _ in 0..<3 { #expect(await answer(auth, Self.key("id:good")) == "agent") }
        #expect(await answer(auth, Self.key("id:other")) == "API Key \"id\" unauthorized")
        #expect(await answer(auth, Self.key("id2:bad")) == "API Key \"id2\" unauthorized")
        try await auth.shutdown()
        server.send(SIGKILL)
        let requests = try await onThread { try server.readToEnd() }.split(separator: "\n")
        #expect(
            requests == [
                #"{"application": [{"application": "apm", "privileges": ["event:write"], "resources": ["a"]}]}"#,
                #"{"application": [{"application": "apm", "privileges": ["event:write"], "resources": ["a"]}]}"#,
            ])
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func resourcesComeFromTheRequest() async throws {
        let (auth, server) = try await running([200]) {
            $0.cache.fields = ["x-tenant"]
            $0.privileges[0].dynamicResources = [.init(field: "x-tenant", prefix: "tenant:", suffix: "")]
        }
        let key = Self.key("id:good")
        #expect(await answer(auth, key.merging(["x-tenant": ["1"]]) { $1 }) == "agent")
        #expect(await answer(auth, key.merging(["x-tenant": ["2"]]) { $1 }) == "API Key \"id\" unauthorized")
        #expect(await answer(auth, key).contains("missing header \"x-tenant\""))
        try await auth.shutdown()
        server.send(SIGKILL)
    }

    @Test(
        .enabled(if: try Live.has(.tool("python3"))),
        arguments: [([503, 502, 200], "agent"), ([503], "Elasticsearch cannot be asked"), ([500], "cannot be asked")])
    func triesAgain(statuses: [Int], expected: String) async throws {
        let (auth, server) = try await running(statuses)
        let text = await answer(auth, Self.key("id:good"))
        #expect(text.contains(expected), "\(text)")
        if expected != "agent" {
            let error = await #expect(throws: AuthenticationUnavailable.self) {
                try await auth.authenticate(headers: Self.key("id:good"))
            }
            #expect(error?.retryDelay == .seconds(1))
        }
        try await auth.shutdown()
        server.send(SIGKILL)
    }

    @Test(
        arguments: [
            ([:], "missing header"), (["authorization": ["Bearer x"]], "ApiKey prefix not found"),
            (["authorization": ["ApiKey !!!"]], "invalid API Key"),
            (["authorization": ["ApiKey bm9jb2xvbg=="]], "invalid API Key"),
        ] as [([String: [String]], String)])
    func refusesWhatIsNoKey(headers: [String: [String]], expected: String) async {
        let auth = APIKeyAuth(APIKeyAuthConfiguration(), context: log.context(.extension))
        #expect(await answer(auth, headers).contains(expected))
    }

    /// Python's hashlib derives the same.
    @Test(.enabled(if: try Live.has(.tool("python3"))), arguments: [1, 2, 1000])
    func derivesKeysAsOthersDo(iterations: Int) async throws {
        let output = try await Command.run([
            "python3", "-c",
            "import hashlib; print(hashlib.pbkdf2_hmac('sha512', b'secret', b'salt', \(iterations), 32).hex())",
        ])
        let own = KeyCache.derive("secret", salt: Data("salt".utf8), iterations: iterations)
        let digits = own.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(digits == output.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    @Test func forgetsInTime() {
        var settings = APIKeyAuthConfiguration.Cache()
        settings.capacity = 2
        settings.lifetime = .seconds(10)
        let cache = KeyCache(settings)
        let (now, proof) = (ContinuousClock.now, Data([1]))
        cache.set(.refused, "a", proof: proof, now: now)
        #expect(cache.verdict("a", proof: proof, now: now + .seconds(9)) == .refused)
        #expect(cache.verdict("a", proof: Data([2]), now: now) == .otherSecret)
        #expect(cache.verdict("a", proof: proof, now: now + .seconds(10)) == nil)
        cache.set(.refused, "b", proof: proof, now: now)
        cache.set(.refused, "c", proof: proof, now: now)
        _ = cache.verdict("b", proof: proof, now: now)
        cache.set(.refused, "d", proof: proof, now: now)
        #expect(cache.verdict("c", proof: proof, now: now) == nil && cache.verdict("b", proof: proof, now: now) != nil)
    }

    @Test(
        arguments: [
            ([("endpoint", .string("http://es:9200/"))], []), ([], ["endpoint"]),
            ([("endpoint", .string("es:9200"))], ["http://"]),
            ([("endpoint", .string("http://e")), ("cache", .tree([("capacity", .integer(0))]))], ["capacity"]),
            (
                [
                    ("endpoint", .string("http://e")), ("timeout", .string("5s")),
                    (
                        "cache",
                        .tree([
                            ("ttl", .string("1m")), ("pbkdf2_iterations", .integer(10)),
                            ("key_headers", .list([.init(.string("X-A"))])),
                            ("key_metadata", .list([.init(.string("X-T"))])),
                        ])
                    ),
                    (
                        "application_privileges",
                        .list([
                            .init(
                                .tree([
                                    ("application", .string("apm")), ("privileges", .list([.init(.string("p"))])),
                                    ("resources", .list([.init(.string("*"))])),
                                    (
                                        "dynamic_resources",
                                        .list([
                                            .init(.tree([("metadata", .string("X-T")), ("format", .string("t:%s"))]))
                                        ])
                                    ),
                                ]))
                        ])
                    ),
                    ("elasticsearch_retry", .tree([("max_retries", .integer(1))])),
                    ("client_retry", .tree([("enabled", .boolean(false))])),
                ], []
            ),
            (
                [
                    ("endpoint", .string("http://e")),
                    (
                        "application_privileges",
                        .list([
                            .init(
                                .tree([
                                    ("application", .string("apm")), ("privileges", .list([.init(.string("p"))])),
                                    (
                                        "dynamic_resources",
                                        .list([.init(.tree([("metadata", .string("t")), ("format", .string("%d"))]))])
                                    ),
                                ]))
                        ])
                    ),
                ], ["placeholder", "cache.key_metadata"]
            ),
        ] as [([(String, ConfigurationNode.Value)], [String])])
    func readsItsKeys(keys: [(String, ConfigurationNode.Value)], messages: [String]) {
        let (_, errors, _) = decode(keys, with: APIKeyAuthFactory().decode)
        #expect(errors.count == messages.count, "\(errors)")
        for (error, message) in zip(errors, messages) { #expect(error.contains(message)) }
    }
}
