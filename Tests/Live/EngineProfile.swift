import Engine
import LiveSupport
import Synchronization

/// The engine as the profiler under test.
struct EngineProfile: ProfileUnderTest {
    var samplesPerSecond: UInt64
    /// At its start the engine builds the tables of all that runs on the machine, and those of the programs wait their
    /// turn. Until then snapshots have to do, which hold the last 20 KiB of the stack that is in use: too little for
    /// frames as large, or a signal's own stack, as some programs have. What the tests prove is the running profiler.
    var settling = Duration.seconds(3)

    /// Changes what the engine is told.
    var change: @Sendable (inout EngineOptions) -> Void = { _ in }

    static let requirements: [Requirement] = [.root, .bpf, .perfEvents]

    func samples(during body: @Sendable () async throws -> Void) async throws -> [ProofSample] {
        try await samples(watching: { _ in try await body() })
    }

    /// - Parameter body: gets what has been reported so far, which is that of a second ago.
    func samples(watching body: @Sendable (Gathered) async throws -> Void) async throws -> [ProofSample] {
        let gathered = Gathered()
        var options = EngineOptions()
        options.samplesPerSecond = samplesPerSecond
        options.reportIntervalNanoseconds = 1_000_000_000
        change(&options)
        let engine = Engine(
            options: options, log: { level, text in if level != .debug { print("engine: \(text)") } },
            handler: { gathered.add($0) })
        try await onThread { try engine.start() }
        do {
            try await Task.sleep(for: settling)
            try await body(gathered)
        } catch {
            try await onThread { engine.stop() }
            throw error
        }
        try await onThread { engine.stop() }
        return gathered.samples
    }

    final class Gathered: Sendable {
        private struct State {
            var samples: [ProofSample] = []
            /// Processes of which named code of a managed runtime, or Go's, was seen.
            var managed: Set<Int32> = []
        }
        private let state = Mutex(State())
        var samples: [ProofSample] { state.withLock { $0.samples } }

        func hasManagedFrames(of pid: Int32) -> Bool { state.withLock { $0.managed.contains(pid) } }

        func add(_ interval: ProfileInterval) {
            let traces = interval.traces.map { trace in
                trace.frames.flatMap { Self.frames(interval.frames[$0], interval.executables) }
            }
            let labels = interval.labelSets.map { $0.map { "\($0.key)=\($0.value)" } }
            let samples = interval.samples.map { sample in
                ProofSample(
                    pid: sample.pid, threadName: sample.threadName, frames: traces[sample.trace], weight: 1,
                    timeUnixNanoseconds: sample.timeUnixNanoseconds, labels: labels[sample.labels])
            }
            let isGo = interval.traces.map { trace in trace.frames.contains { interval.frames[$0].kind == .go } }
            let managed = zip(samples, interval.samples).filter { sample, raw in
                isGo[raw.trace] || sample.frames.contains { $0.type != nil && $0.name != nil }
            }.map(\.0)
            state.withLock { state in
                state.samples += samples
                state.managed.formUnion(managed.map(\.pid))
            }
        }

        /// One frame for each function at the address, inlined ones first.
        private static func frames(_ frame: ProfileFrame, _ executables: [ProfileExecutable]) -> [ProofFrame] {
            let object = frame.executable.map { executables[$0].fileName } ?? "[\(frame.kind)]"
            let isKernel = frame.kind == .kernel
            var type: String?
            if case .managed(let named) = frame.kind { type = named }
            if frame.functions.isEmpty {
                return [ProofFrame(name: nil, object: object, isKernel: isKernel, type: type)]
            }
            return frame.functions.map { function in
                ProofFrame(
                    name: function.name, object: object, isKernel: isKernel, type: type,
                    file: String(function.file.split(separator: "/").last ?? ""), line: Int(function.line))
            }
        }
    }
}
