import Foundation
import LiveSupport
import Testing

/// The main job as a user starts it: the program with the receiver, store and viewer, and a browser that waits.
struct FirstPictureTests {
    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Support/ProfileViewerPage/first-picture.py").standardizedFileURL.path

    @Test(.enabled(if: try Live.has(.root, .bpf, .perfEvents, .tool("chromium"), .tool("python3"))))
    func theBrowserShowsThisMachine() async throws {
        let folder = NSTemporaryDirectory() + "first-picture-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let port = 20_000 + Int.random(in: 0..<10_000)
        // The viewer finds the exporter's folder by itself.
        let configuration = """
            receivers: { profiling: {} }
            exporters: { profilestore: { directory: \(folder)/store } }
            extensions: { profileviewer: { endpoint: "localhost:\(port)" } }
            service:
              extensions: [ profileviewer ]
              telemetry: { metrics: { level: none } }
              pipelines: { profiles: { receivers: [ profiling ], exporters: [ profilestore ] } }
            """
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder + "/otel.yml"))
        let bundle = try #require(ProcessInfo.processInfo.arguments.first { $0.hasSuffix(".xctest") })
        let program = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("otelcol").path
        let output = try await Command.run([
            "python3", Self.script, program, folder + "/otel.yml", "http://localhost:\(port)/",
        ])
        print(output)
        #expect(output.contains("flame graph after"))
    }
}
