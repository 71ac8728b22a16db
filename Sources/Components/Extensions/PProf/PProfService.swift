import Collector
import Glibc
import NIOHTTP1
import ServerSupport
import Synchronization

/// The addresses that `go tool pprof` and people with a browser know, below `/debug/pprof`.
final class PProfService: HTTPService {
    /// Profiles that are being taken; more are refused.
    private static let maximumUnderWay = 8
    private static let longest = 3600

    private struct State {
        var collecting: [UInt64: Task<OwnProfile, Never>] = [:]
        var nextNumber: UInt64 = 0
        var isStopped = false
    }

    private let tap: ProfileTap
    private let state = Mutex(State())

    init(tap: ProfileTap) {
        self.tap = tap
    }

    /// Ends what is being taken: it is answered with what there is.
    func stop() {
        let tasks = state.withLock { state in
            state.isStopped = true
            return Array(state.collecting.values)
        }
        for task in tasks { task.cancel() }
    }

    func answer(_ request: HTTPRequest) async -> HTTPAnswer {
        switch request.path {
        case "/debug/pprof", "/debug/pprof/":
            return HTTPAnswer(status: .ok, contentType: "text/html; charset=utf-8", body: Array(Self.index.utf8))
        case "/debug/pprof/profile": return await profile(request)
        case "/debug/pprof/cmdline":
            let words = CommandLine.arguments.joined(separator: "\0")
            return HTTPAnswer(status: .ok, contentType: "text/plain; charset=utf-8", body: Array(words.utf8))
        case "/debug/pprof/symbol":
            // Functions have their names in the profile already.
            return .text(.ok, "num_symbols: 0")
        case let path where path.hasPrefix("/debug/pprof/"):
            return Self.failure(
                .notFound, "there is no such profile: this program is not written in Go, and serves its CPU profile only")
        default: return .text(.notFound, "404 page not found; profiles are at /debug/pprof/")
        }
    }

    /// `go tool pprof` shows the text only with this field.
    private static func failure(_ status: HTTPResponseStatus, _ text: String) -> HTTPAnswer {
        var answer = HTTPAnswer.text(status, text)
        answer.headers.add(name: "X-Go-Pprof", value: "1")
        return answer
    }

    private func profile(_ request: HTTPRequest) async -> HTTPAnswer {
        let text = request.queryValue("seconds") ?? ""
        guard let seconds = text.isEmpty ? 30 : Int(text), (1...Self.longest).contains(seconds) else {
            return Self.failure(.badRequest, "seconds must be a whole number from 1 to \(Self.longest)")
        }
        guard let interval = tap.interval else {
            return Self.failure(
                .serviceUnavailable,
                "no profiling receiver runs in this Collector: its samples are what this profile is made of")
        }
        let stream = tap.listen()
        let entry: (number: UInt64, task: Task<OwnProfile, Never>)? = state.withLock { state in
            guard state.collecting.count < Self.maximumUnderWay, !state.isStopped else { return nil }
            state.nextNumber += 1
            let task = Task { await Self.collect(stream, seconds: seconds, interval: interval) }
            state.collecting[state.nextNumber] = task
            return (state.nextNumber, task)
        }
        guard let entry else {
            return Self.failure(.tooManyRequests, "\(Self.maximumUnderWay) profiles are being taken; try again later")
        }
        let profile = await entry.task.value
        _ = state.withLock { $0.collecting.removeValue(forKey: entry.number) }
        do {
            var answer = HTTPAnswer(
                status: .ok, contentType: "application/octet-stream", body: try profile.encoded())
            answer.headers.add(name: "Content-Disposition", value: "attachment; filename=\"profile\"")
            return answer
        } catch {
            return Self.failure(.internalServerError, "\(error)")
        }
    }

    /// The samples of that many seconds from now on; the last of them are known an interval later.
    private static func collect(
        _ stream: AsyncStream<OTLPProfilesMessage>, seconds: Int, interval: Duration
    ) async -> OwnProfile {
        var profile = OwnProfile(from: unixNanosecondsNow())
        let end = profile.start &+ UInt64(seconds) &* 1_000_000_000
        profile.end = end
        // Naming new frames takes a moment too.
        let patience = Duration.seconds(seconds) + interval * 2 + .seconds(2)
        let timer = Task { try? await Task.sleep(for: patience) }
        return await withTaskGroup(of: OwnProfile?.self) { group in
            group.addTask { [profile] in
                var profile = profile
                for await message in stream where !Task.isCancelled {
                    profile.add(message)
                    if OwnProfile.end(of: message) >= end { break }
                }
                timer.cancel()
                return profile
            }
            group.addTask {
                await withTaskCancellationHandler { await timer.value } onCancel: { timer.cancel() }
                return nil
            }
            var result = profile
            while let part = await group.next() {
                group.cancelAll()
                if let part { result = part }
            }
            return result
        }
    }

    private static let index = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <title>otelcol: profiles of this process</title>
        <style>
        :root { color-scheme: light dark; }
        body { font: 15px/1.5 system-ui, sans-serif; max-width: 45em; margin: 2em; }
        h1 { font-size: 1.4em; }
        </style>
        </head>
        <body>
        <h1>Profiles of this process</h1>
        <p><a href="profile?seconds=10">profile</a>: where this Collector spends its CPU time, in the next 10 seconds.
        <code>seconds</code> says for how long; the answer is for
        <code>go tool pprof http://HOST/debug/pprof/profile</code>.</p>
        <p>The samples are the profiling receiver's own: a profile is as fine as its <code>samples_per_second</code>.</p>
        <p><a href="cmdline">cmdline</a>: how the program was started.</p>
        </body>
        </html>

        """
}
