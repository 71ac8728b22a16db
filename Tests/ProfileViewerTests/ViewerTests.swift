import Foundation
import Hummingbird
import HummingbirdTesting
import HTTPTypes
import Logging
import ProfileStore
import SyntheticProfiles
import Testing

@testable import ProfileViewer

let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A store in a folder of its own.
func withStore(_ body: (ProfileStore) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "viewer-\(UUID().uuidString)"
    let store = try ProfileStore(StoreConfiguration(directory: directory), logger: quiet)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    do {
        try await body(store)
    } catch {
        await store.close()
        throw error
    }
    await store.close()
}

/// The API and the rules around it, without a socket.
struct ViewerTests {
    /// All files of the page, as its sources have them.
    private let pageFiles: [String]

    init() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/ProfileViewer/Page").standardizedFileURL
        pageFiles = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".js") || $0.hasSuffix(".html") || $0.hasSuffix(".css") }
            .map { $0 == "index.html" ? "/" : "/\($0)" }.sorted()
        try #require(pageFiles.count > 10)
    }

    /// A little ago, on a bucket boundary: retention must not remove it.
    private let time = Int64(Date().timeIntervalSince1970) / 10 * 10 - 100

    private func withClient(
        _ configuration: ViewerConfiguration = .init(), _ body: @Sendable (any TestClientProtocol) async throws -> Void
    ) async throws {
        try await withStore { store in
            var builder = ProfileMessageBuilder()
            for (leaf, count) in [("read", 3), ("write", 1)] {
                builder.add(
                    [.init(leaf, module: "libc.so.6"), .init("main", file: "main.c", line: 7, module: "app")],
                    process: .init(pid: 42, executablePath: "/bin/app"), threadName: "worker", tid: 43,
                    timestampsUnixNano: Array(repeating: UInt64(time) * 1_000_000_000, count: count))
            }
            try await store.ingest(builder.message())
            let application = ProfileViewerServer.application(
                store: store, configuration: configuration, logger: quiet)
            try await application.test(.router) { client in try await body(client) }
        }
    }

    private var window: String { "from=\(time - 60)&to=\(time + 60)" }

    private func json(_ response: TestResponse) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(buffer: response.body)) as? [String: Any])
    }

    @Test func pageAndItsFilesAreServedWithStrictHeaders() async throws {
        try await withClient { client in
            for (path, type) in [
                ("/", "text/html; charset=utf-8"), ("/app.js", "text/javascript; charset=utf-8"),
                ("/flamegraph.js", "text/javascript; charset=utf-8"), ("/style.css", "text/css; charset=utf-8"),
                ("/icon.svg", "image/svg+xml"),
            ] {
                let response = try await client.executeRequest(
                    uri: path, method: .get, headers: [:], body: nil)
                #expect(response.status == .ok)
                #expect(response.headers[.contentType] == type)
                #expect(response.headers[.xContentTypeOptions] == "nosniff")
                let policy = try #require(response.headers[.contentSecurityPolicy])
                #expect(policy.contains("default-src 'none'"))
                #expect(!policy.contains("unsafe"))
                #expect(response.body.readableBytes > 100)
            }
        }
    }

    @Test func pageUsesNothingFromElsewhereAndNoInlineScript() async throws {
        try await withClient { client in
            for path in pageFiles {
                let response = try await client.executeRequest(uri: path, method: .get, headers: [:], body: nil)
                #expect(response.status == .ok, "\(path) is not part of the program")
                let text = String(buffer: response.body)
                #expect(!text.contains("http:") && !text.contains("https:"))
                #expect(!text.contains("innerHTML") && !text.contains("outerHTML"))
                #expect(!text.contains("insertAdjacentHTML") && !text.contains("document.write"))
                #expect(!text.contains("<script>") && !text.contains("onclick=\"") && !text.contains("style=\""))
            }
        }
    }

    @Test func onlyReadingIsPossible() async throws {
        try await withClient { client in
            for method in [HTTPRequest.Method.post, .put, .delete, .patch, .options] {
                let response = try await client.executeRequest(
                    uri: "/api/v1/status", method: method, headers: [:], body: nil)
                #expect(response.status == .methodNotAllowed)
                #expect(response.headers[.allow] == "GET, HEAD")
            }
            let head = try await client.executeRequest(uri: "/", method: .head, headers: [:], body: nil)
            #expect(head.status == .ok)
            #expect(head.body.readableBytes == 0)
        }
    }

    @Test func statusSaysWhatThereIs() async throws {
        try await withClient { client in
            let status = try json(
                try await client.executeRequest(uri: "/api/v1/status", method: .get, headers: [:], body: nil))
            #expect(status["oldestSeconds"] as? Int64 == time)
            #expect(status["newestSeconds"] as? Int64 == time)
            #expect(status["bucketSeconds"] as? Int64 == 10)
        }
        try await withStore { store in
            let application = ProfileViewerServer.application(store: store, configuration: .init(), logger: quiet)
            try await application.test(.router) { client in
                let status = try json(
                    try await client.executeRequest(uri: "/api/v1/status", method: .get, headers: [:], body: nil))
                #expect(status["newestSeconds"] is NSNull)
            }
        }
    }

    @Test func overviewAndFunctions() async throws {
        try await withClient { client in
            let overview = try json(
                try await client.executeRequest(
                    uri: "/api/v1/overview?\(window)", method: .get, headers: [:], body: nil))
            let process = try #require((overview["processes"] as? [[String: Any]])?.first)
            #expect(process["name"] as? String == "app")
            #expect(process["pid"] as? Int == 42)
            #expect(process["value"] as? Int == 4)
            let functions = try json(
                try await client.executeRequest(
                    uri: "/api/v1/functions?\(window)&limit=1", method: .get, headers: [:], body: nil))
            #expect(functions["total"] as? Int == 4)
            let rows = try #require(functions["functions"] as? [[String: Any]])
            #expect(rows.count == 1)
            #expect(rows[0]["name"] as? String == "read")
            #expect(rows[0]["selfValue"] as? Int == 3)
        }
    }

    @Test func flameGraphBytesAreAsDocumented() async throws {
        try await withClient { client in
            let response = try await client.executeRequest(
                uri: "/api/v1/flamegraph?\(window)&group=process", method: .get, headers: [:], body: nil)
            #expect(response.headers[.contentType] == "application/octet-stream")
            var body = response.body
            #expect(body.readString(length: 4) == "OTFG")
            #expect(body.readInteger(endianness: .little, as: UInt32.self) == 2)
            let lengths = [
                body.readInteger(endianness: .little, as: UInt32.self),
                body.readInteger(endianness: .little, as: UInt32.self),
            ].map { Int($0 ?? 0) }
            let headerBytes = body.readBytes(length: lengths[0])
            let headerObject = try JSONSerialization.jsonObject(with: Data(headerBytes ?? []))
            let header = try #require(headerObject as? [String: Any])
            #expect(header["total"] as? Int == 4)
            #expect(header["completeTotal"] as? Int == 4)
            #expect(header["omittedTotal"] as? Int == 0)
            #expect(header["cpuTimeNanoseconds"] as? Int == 200_000_000)
            let count = try #require(header["nodeCount"] as? Int)
            #expect(count == 5)
            let textBytes = body.readBytes(length: lengths[1])
            let texts = try #require(textBytes).split(separator: 0, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            #expect(texts.count == (header["textCount"] as? Int ?? 0) + 1)
            let functionCount = try #require(header["functionCount"] as? Int)
            // All numbers here are below 128, so that each takes a byte.
            let numbers = body.readBytes(length: functionCount * 4 + count * 4) ?? []
            try #require(numbers.count == functionCount * 4 + count * 4)
            let names = numbers.prefix(functionCount).map(Int.init)
            let columns = stride(from: functionCount * 4, to: numbers.count, by: count).map { first in
                numbers[first..<first + count].map(Int.init)
            }
            #expect(columns[0] == [1, 1, 2, 0, 0])
            #expect(columns[1][0] == 0)
            // The heavier child first.
            #expect(columns[1].dropFirst().map { texts[names[$0 - 1]] } == ["app", "main", "read", "write"])
            #expect(columns[2] == [1, 1, 8, 1, 1])
            #expect(columns[3] == [0, 0, 0, 3, 1])
            #expect(body.readableBytes == 0)
        }
    }

    @Test func badParametersAreNamed() async throws {
        try await withClient { client in
            for (query, word) in [
                ("", "from"), ("from=5&to=4", "before"), ("from=x&to=4", "from"), ("from=-1&to=4", "from"),
                ("from=1&to=99999999999999999999", "to"), ("\(window)&group=moon", "group"),
                ("\(window)&processID=-4", "processID"),
                ("\(window)&text=\(String(repeating: "a", count: 5000))", "text"),
            ] {
                let response = try await client.executeRequest(
                    uri: "/api/v1/flamegraph?\(query)", method: .get, headers: [:], body: nil)
                #expect(response.status == .badRequest)
                #expect(try #require(json(response)["error"] as? String).contains(word))
            }
            let unknown = try await client.executeRequest(uri: "/api/v1/x", method: .get, headers: [:], body: nil)
            #expect(unknown.status == .notFound)
        }
    }
}

struct HostPolicyTests {
    @Test(arguments: [
        ("localhost", true), ("localhost:7373", true), ("LOCALHOST:1", true), ("127.0.0.1:7373", true),
        ("[::1]:7373", true), ("[::1]", true), ("192.168.1.7:80", true), ("profiles.localhost:7373", true),
        ("profiler.example:7373", true), ("attacker.example", false), ("localhost.attacker.example", false),
        ("127.0.0.1.attacker.example", false), ("", false), ("[evil.example]:80", false), ("[::1", false),
        ("localhost:99999", false), ("localhost:", false), ("1.2.3.4.5", false), ("1.2.3", false),
    ])
    func onlyHarmlessNames(_ authority: String, _ isAllowed: Bool) {
        let policy = HostPolicy(ViewerConfiguration(allowedHosts: ["Profiler.example"]))
        #expect(policy.allows(authority) == isAllowed)
    }

    @Test func endpoints() throws {
        #expect(ViewerConfiguration(endpoint: "localhost:7373") == ViewerConfiguration())
        #expect(ViewerConfiguration(endpoint: ":80")?.host == "0.0.0.0")
        #expect(ViewerConfiguration(endpoint: "[::1]:80")?.host == "::1")
        for bad in ["localhost", "localhost:", "localhost:70000", "::1:80", "http://localhost:1", "a b:1"] {
            #expect(ViewerConfiguration(endpoint: bad) == nil)
        }
    }
}
