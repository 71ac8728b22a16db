import BPFObjects
import CBPFInterface
import Glibc
import Processes
import RuntimeSupport

/// Managed runtimes of published processes: inspected on a thread of their own, made known to the kernel side, forgotten
/// with their process.
extension EngineLoop {
    /// One runtime in one life of a process.
    struct RuntimeState {
        enum Stage {
            case inspecting
            /// It was not ready; it is asked again.
            case waiting(untilNanoseconds: UInt64, attempts: Int)
            case attached
            /// It could not be inspected, and will not be.
            case refused
        }

        var key: ProcessKey
        var number: UInt32
        var stage: Stage
        var request: RuntimeThread.AttachRequest
        var attempts = 0
        /// Times that it was asked again early.
        var hastened = 0
        /// What it was last asked with had a file that has more to say about it.
        var isExtended = false

        /// Before it is asked.
        mutating func noteExtension() {
            isExtended = request.process.modules.contains { request.runtime.executable.isExtended(by: $0) }
        }
    }

    private static let firstRetryNanoseconds: UInt64 = 10_000_000
    private static let lastRetryNanoseconds: UInt64 = 5_000_000_000
    private static let hastenedLimit = 64
    /// From then on its stacks say that something is missing for good, as far as can be told.
    private static let attemptsUntilRefused = 12

    /// Begins to inspect what is new among the runtimes of a process's executables.
    func inspectRuntimes(_ key: ProcessKey, _ mappings: [Mapping]) {
        var modules: [InspectedProcess.Module] = []
        var found: [(FoundRuntime, InspectedProcess.Module)] = []
        for mapping in mappings {
            guard let reference = mapping.executable, case .known(let number)? = references[reference],
                let executable = registry[number], let file = executable.file
            else { continue }
            let module = InspectedProcess.Module(
                path: mapping.path, bias: kernelMapping(mapping).bias, file: file)
            modules.append(module)
            if let runtime = executable.runtime { found.append((runtime, module)) }
        }
        let pid = UInt32(truncatingIfNeeded: key.pid)
        for (runtime, module) in found {
            if let index = runtimes[pid]?.firstIndex(where: { $0.request.runtime.kind == runtime.kind }) {
                // A program that has just been started maps its libraries one by one, and what was missing may be there now.
                runtimes[pid]?[index].request.process.modules = modules
                hastenRuntime(pid, index)
                extendRuntime(pid, index)
                continue
            }
            nextAttachment &+= 1
            let request = RuntimeThread.AttachRequest(
                key: key, number: nextAttachment, runtime: runtime,
                process: InspectedProcess(memory: RemoteMemory(pid: key.pid), module: module, modules: modules))
            var state = RuntimeState(key: key, number: nextAttachment, stage: .inspecting, request: request)
            state.noteExtension()
            runtimes[pid, default: []].append(state)
            // At most one for each runtime of a process.
            runtimeThread.post(.attach(request))
        }
    }

    /// As `kernelMapping`; memory with code that a runtime made belongs to the runtime's unwinder.
    func kernelMappings(of key: ProcessKey, _ mappings: [Mapping]) -> [mapping] {
        let runTimeCode = runTimeCodeNumber(of: key, mappings)
        var result = mappings.map { source in
            var mapping = kernelMapping(source)
            // Its addresses are the process's.
            if source.kind == .anonymous, let runTimeCode {
                mapping.executable = runTimeCode
                mapping.bias = 0
            }
            return mapping
        }
        let executables = result.map { registry[$0.executable] }
        let runtimes = executables.compactMap { $0?.runtime }
        guard !runtimes.isEmpty else { return result }
        for (index, mapping) in mappings.enumerated() where executables[index]?.file == nil {
            guard let owner = runtimes.first(where: { $0.executable.makesCode(in: mapping) }) else { continue }
            result[index].unwinder = UInt8(truncatingIfNeeded: owner.kind.unwinder)
        }
        return result
    }

    func take(_ answer: RuntimeThread.AttachAnswer) {
        let pid = UInt32(truncatingIfNeeded: answer.key.pid)
        guard let index = runtimes[pid]?.firstIndex(where: { $0.number == answer.number }) else {
            runtimeThread.post(.detach(number: answer.number))
            return
        }
        var isAttached = false
        if case .attached = runtimes[pid]?[index].stage { isAttached = true }
        switch answer.outcome {
        // It stays attached with what was known before.
        case .failure where isAttached: return
        case .success(let (facts, map)):
            do throws(BPFError) {
                runtimeMaps[answer.kind.unwinder] = map
                try facts.withUnsafeBufferPointer { (facts) throws(BPFError) in
                    try map.update(pid, bytes: UnsafeRawBufferPointer(facts))
                }
                runtimes[pid]?[index].stage = .attached
                if !isAttached { statistics.attachedRuntimes &+= 1 }
                // What was mapped in the meantime.
                extendRuntime(pid, index)
            } catch {
                runtimes[pid]?[index].stage = .refused
                tellOnce(answer.kind, "\(error)")
            }
        case .failure(let error):
            refuse(pid, index, error, answer.kind)
        }
        publishRuntimes(pid)
    }

    private func refuse(_ pid: UInt32, _ index: Int, _ error: RuntimeError, _ kind: RuntimeKind) {
        guard var state = runtimes[pid]?[index] else { return }
        switch error.kind {
        case .unsupported:
            state.stage = .refused
            statistics.refusedRuntimes &+= 1
            let module = state.request.process.module.path
            tellOnce(kind, "\(module): \(error)")
        case .notReady, .unreadable:
            state.attempts += 1
            let doublings = UInt64(min(state.attempts - 1, 12))
            let pause = min(EngineLoop.firstRetryNanoseconds << doublings, EngineLoop.lastRetryNanoseconds)
            state.stage = .waiting(untilNanoseconds: monotonicNanoseconds() &+ pause, attempts: state.attempts)
        }
        runtimes[pid]?[index] = state
    }

    /// Once for each executable.
    private func tellOnce(_ kind: RuntimeKind, _ problem: String) {
        guard toldRuntimeProblems.count < 1024, toldRuntimeProblems.insert(problem).inserted else { return }
        log(.warning, "\(kind.name) functions are not named: \(problem)")
    }

    /// As long as a process keeps mapping memory it has not waited long, as far as can be told.
    private func hastenRuntime(_ pid: UInt32, _ index: Int) {
        guard let state = runtimes[pid]?[index], case .waiting(let until, let attempts) = state.stage,
            state.hastened < EngineLoop.hastenedLimit, state.request.runtime.executable.tellsWhenReady
        else { return }
        let soon = monotonicNanoseconds() &+ EngineLoop.firstRetryNanoseconds
        runtimes[pid]?[index].hastened += 1
        runtimes[pid]?[index].attempts = 0
        runtimes[pid]?[index].stage = .waiting(untilNanoseconds: min(until, soon), attempts: attempts)
    }

    /// Asks one that is attached once more when there is a file with more to say about it.
    private func extendRuntime(_ pid: UInt32, _ index: Int) {
        guard var state = runtimes[pid]?[index], case .attached = state.stage, !state.isExtended else { return }
        state.noteExtension()
        guard state.isExtended else { return }
        runtimes[pid]?[index] = state
        runtimeThread.post(.attach(state.request))
    }

    /// Asks again those that were not ready.
    func retryRuntimes(now: UInt64) {
        for (pid, states) in runtimes {
            for (index, state) in states.enumerated() {
                guard case .waiting(let until, _) = state.stage, until <= now else { continue }
                runtimes[pid]?[index].stage = .inspecting
                runtimes[pid]?[index].noteExtension()
                runtimeThread.post(.attach(state.request))
            }
        }
    }

    func detachRuntimes(_ pid: UInt32) {
        guard let states = runtimes.removeValue(forKey: pid) else { return }
        postRuntimeFrames()
        for state in states {
            if case .attached = state.stage, let map = runtimeMaps[state.request.runtime.kind.unwinder] {
                do throws(BPFError) { try map.remove(pid) } catch { log(.warning, "\(error)") }
            }
            runtimeThread.post(.detach(number: state.number))
        }
    }

    private func publishRuntimes(_ pid: UInt32) {
        var attached: UInt32 = 0
        var refused: UInt32 = 0
        for state in runtimes[pid] ?? [] {
            let bit = state.request.runtime.kind.bit
            switch state.stage {
            case .attached: attached |= bit
            case .refused: refused |= bit
            case .waiting(_, let attempts) where attempts >= EngineLoop.attemptsUntilRefused: refused |= bit
            case .waiting, .inspecting: break
            }
        }
        do throws(BPFError) {
            try publisher.setRuntimes(pid, attached: attached, refused: refused)
        } catch {
            log(.warning, "\(error)")
        }
    }

    // MARK: - Frames

    /// Keeps a new trace's runtime frames until they are sent to be named.
    func collectRuntimeFrames(_ words: UnsafeBufferPointer<UInt64>, kernelFrameCount: UInt16) {
        guard !runtimeMaps.isEmpty, words.count > Int(kernelFrameCount) else { return }
        let user = UnsafeBufferPointer(rebasing: words[Int(kernelFrameCount)...])
        var position = 0
        while position < user.count {
            let frame = ABIFrame(header: user[position])
            let end = position + frame.wordCount
            if frame.isRuntime, end <= user.count { newRuntimeFrames.append(contentsOf: user[position..<end]) }
            position = end
        }
    }

    func postRuntimeFrames() {
        guard !newRuntimeFrames.isEmpty else { return }
        // Bounded by what the trace buffer holds.
        runtimeThread.post(.frames(newRuntimeFrames))
        newRuntimeFrames.removeAll(keepingCapacity: true)
    }
}
