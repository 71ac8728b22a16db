import Collector
import ExporterTestSupport
import Foundation
import LiveSupport
import OTLP
import Testing
import ZlibCompression

@testable import PProfExtension

/// A message with two processes; the second has three samples of the stack `leaf` ← `root`, in the seconds 1 to 3.
struct ProfileMessage {
    static let pid: Int64 = 77

    static func make(at start: UInt64 = 0) -> OTLPProfilesData {
        var builder = ProfilesDictionaryBuilder()
        let buildID = builder.attribute("process.executable.build_id.gnu", "0a1b")
        let mapping = builder.mapping(
            memoryStart: 0x1000, memoryLimit: 0x9000, fileOffset: 0x1000, fileName: "/usr/bin/otelcol",
            attributes: [buildID])
        func function(_ name: String) -> Int32 { builder.function(name: name, systemName: "_\(name)", fileName: "a.c") }
        let leaf = builder.location(
            mapping: mapping, address: 0x1234,
            lines: [.init(function: function("inlined"), line: 7), .init(function: function("leaf"), line: 9)])
        let root = builder.location(mapping: mapping, address: 0x2345, lines: [.init(function: function("root"), line: 3)])
        let stack = builder.stack([leaf, root])
        let thread = builder.attribute("thread.name", "worker")
        let sampleType = builder.valueType("samples", "count")
        let offCPU = builder.valueType("off_cpu", "nanoseconds")
        func resource(_ pid: Int64, _ type: OTLPValueType) -> OTLPResourceProfiles {
            .with { resource in
                resource.resource.attributes = [OTLPKeyValue("process.pid", pid)]
                resource.scopeProfiles = [
                    .with { scope in
                        scope.profiles = [
                            .with { profile in
                                profile.sampleType = type
                                profile.timeUnixNano = start
                                profile.durationNano = 4_000_000_000
                                profile.period = 50_000_000
                                profile.samples = [
                                    .with {
                                        $0.stackIndex = stack
                                        $0.attributeIndices = [thread]
                                        $0.timestampsUnixNano = (1...3).map { start + $0 * 1_000_000_000 }
                                    }
                                ]
                            }
                        ]
                    }
                ]
            }
        }
        return .with {
            $0.resourceProfiles = [
                resource(5, sampleType), resource(pid, sampleType), resource(pid, offCPU),
            ]
            $0.dictionary = builder.dictionary
        }
    }
}

struct PProfTests {
    @Test func countsItsOwnSamplesInTime() {
        var profile = OwnProfile(from: 2_000_000_000, pid: ProfileMessage.pid)
        profile.add(ProfileMessage.make())
        #expect(profile.sampleCount == 2)
        profile.end = 3_000_000_000
        profile.add(ProfileMessage.make())
        #expect(profile.sampleCount == 3)
        #expect(profile.counts.keys.map(\.threadName) == ["worker"])
        #expect(OwnProfile.end(of: ProfileMessage.make()) == 4_000_000_000)
        var other = OwnProfile(from: 0, pid: 1)
        other.add(ProfileMessage.make())
        #expect(other.sampleCount == 0)
    }

    /// Go's own tool reads what we write.
    @Test(.enabled(if: !GoToolChain.all.isEmpty))
    func goReadsIt() async throws {
        var profile = OwnProfile(from: 0, pid: ProfileMessage.pid)
        for _ in 0..<2 { profile.add(ProfileMessage.make()) }
        profile.end = 10_000_000_000
        let folder = try TemporaryFolder()
        let path = folder.path(of: "cpu.pb.gz")
        try Data(try profile.encoded()).write(to: URL(fileURLWithPath: path))
        let raw = try await Command.run([try #require(GoToolChain.all.last), "tool", "pprof", "-raw", path])
        for text in [
            "PeriodType: cpu nanoseconds", "Period: 50000000", "Duration: 10", "samples/count cpu/nanoseconds",
            "6  300000000: 1 2", "thread:[worker]", "inlined a.c:7", "leaf a.c:9", "root a.c:3",
            "0x1000/0x9000/0x1000 /usr/bin/otelcol 0a1b [FN][FL][LN][IN]",
        ] {
            #expect(raw.contains(text), "\(text) in:\n\(raw)")
        }
        let top = try await Command.run([try #require(GoToolChain.all.last), "tool", "pprof", "-top", "-cum", path])
        #expect(top.contains("100%") && top.contains("root"), "\(top)")
    }

    func running(
        _ tap: ProfileTap, _ change: (inout PProfExtensionFactory.Configuration) -> Void = { _ in }
    ) async throws -> PProfExtension {
        var configuration = PProfExtensionFactory.Configuration()
        configuration.server.address = .tcp(host: "localhost", port: 0)
        change(&configuration)
        let pprof = PProfExtension(configuration: configuration, logger: LogRecorder().logger, tap: tap)
        try await pprof.start(host: EmptyHost())
        return pprof
    }

    func ask(_ pprof: PProfExtension, _ path: String) async throws -> (code: String, body: String) {
        let output = try await Command.run(
            ["curl", "-s", "-w", "\n%{http_code}", "http://localhost:\(pprof.port ?? 0)\(path)"],
            includingStandardError: false)
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
        return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
    }

    @Test(
        .enabled(if: try Live.has(.tool("curl"))),
        arguments: [
            ("/debug/pprof/", "200", "go tool pprof"), ("/debug/pprof/heap", "404", "not written in Go"),
            ("/debug/pprof/profile?seconds=0", "400", "seconds"), ("/debug/pprof/profile?seconds=x", "400", "seconds"),
            ("/debug/pprof/profile?seconds=1", "503", "no profiling receiver"),
            ("/debug/pprof/symbol", "200", "num_symbols: 0"), ("/", "404", "/debug/pprof/"),
        ])
    func answersWhatGoAsks(path: String, code: String, text: String) async throws {
        let pprof = try await running(ProfileTap())
        let answer = try await ask(pprof, path)
        #expect(answer.code == code && answer.body.contains(text), "\(answer)")
        try await pprof.shutdown()
    }

    /// Whole: messages come in, and go out as a profile of this process's pid.
    @Test(.enabled(if: try Live.has(.tool("curl"))))
    func servesWhatIsPublished() async throws {
        let tap = ProfileTap()
        let source = tap.sourceStarted(interval: .milliseconds(10))
        let folder = try TemporaryFolder()
        let saved = folder.path(of: "saved.pb.gz")
        let pprof = try await running(tap) { $0.file = saved }
        let publishing = Task {
            while !Task.isCancelled {
                var message = ProfileMessage.make(at: unixNanosecondsNow() - 500_000_000)
                message.resourceProfiles[1].resource.attributes = [OTLPKeyValue("process.pid", Int64(getpid()))]
                tap.publish(message)
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
        let path = folder.path(of: "fetched")
        try await Command.run([
            "curl", "-sf", "-o", path, "http://localhost:\(pprof.port ?? 0)/debug/pprof/profile?seconds=1",
        ])
        publishing.cancel()
        await publishing.value
        let fetched = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))).decompressed(.gzip, limitBytes: 1 << 20)
        #expect(String(decoding: fetched, as: UTF8.self).contains("inlined"))
        try await pprof.shutdown()
        let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: saved))).decompressed(.gzip, limitBytes: 1 << 20)
        #expect(String(decoding: whole, as: UTF8.self).contains("inlined"))
        tap.sourceStopped(source)
        #expect(tap.interval == nil)
    }

    @Test func readsEveryKey() {
        let (configuration, errors, warnings) = decode(
            [
                ("endpoint", .string("localhost:1")), ("block_profile_fraction", .integer(3)),
                ("mutex_profile_fraction", .integer(5)), ("save_to_file", .string("/f")),
            ], with: PProfExtensionFactory().decode)
        #expect(errors.isEmpty && warnings.count == 2 && configuration.file == "/f")
        let (defaults, none, quiet) = decode([("block_profile_fraction", .integer(0))], with: PProfExtensionFactory().decode)
        #expect(none.isEmpty && quiet.isEmpty && defaults.file == nil)
        #expect(defaults.server.address == .tcp(host: "localhost", port: 1777))
    }
}
