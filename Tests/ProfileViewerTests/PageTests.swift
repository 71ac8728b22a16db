import Foundation
import ProfileStore
import SyntheticProfiles
import Testing

@testable import ProfileViewer

/// The page in a real browser, by `Tests/Support/ProfileViewerPage/click-through.py`.
@Suite(.serialized)
struct PageTests {
    private static let chromium = ["chromium", "chromium-browser", "google-chrome"].contains { name in
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    @Test(.enabled(if: chromium, "Chromium is missing: apt-get install chromium"), arguments: [false, true])
    func clickThrough(isDark: Bool) async throws {
        try await withStore { store in
            let now = UInt64(Date().timeIntervalSince1970)
            var host = SyntheticHost(seed: 11)
            try await store.ingest(host.message(distinctStacks: 3000, window: now - 200..<now))
            try await store.ingest(host.message(distinctStacks: 200, window: now - 1200..<now - 310))
            let server = ProfileViewerServer(
                store: store, configuration: ViewerConfiguration(port: 0), logger: quiet)
            let port = try await server.start()
            let output =
                ProcessInfo.processInfo.environment["OTELCOL_SCREENSHOTS"]
                ?? NSTemporaryDirectory() + "viewer-screenshots"
            let (status, text) = try await Self.run(
                ["http://localhost:\(port)/", output] + (isDark ? ["--dark"] : []))
            await server.shutdown()
            print(text)
            #expect(status == 0, "\(text)")
        }
    }

    private static func run(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Support/ProfileViewerPage/click-through.py")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script.path] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try pipe.fileHandleForReading.readToEnd() ?? Data() })
            }
        }
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}

struct ServerTests {
    @Test func aBusyPortIsNamed() async throws {
        try await withStore { store in
            let first = ProfileViewerServer(store: store, configuration: ViewerConfiguration(port: 0), logger: quiet)
            let port = try await first.start()
            let second = ProfileViewerServer(store: store, configuration: ViewerConfiguration(port: port), logger: quiet)
            await #expect(throws: ViewerError.endpointInUse("localhost:\(port)")) { try await second.start() }
            await first.shutdown()
        }
    }
}
