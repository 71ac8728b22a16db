import CBPFInterface
import ObjectFiles
import RuntimeSupport
import Symbolization

/// The naming thread's work: turns raw intervals into named ones. Every distinct frame is named once.
///
/// Belongs to one thread.
final class FrameNaming {
    private struct FrameKey: Hashable {
        /// Executable number in the high half, `ABIFrame.kind` and whether it is a return address below.
        var scope: UInt64
        var address: UInt64
    }

    private struct NamedTrace {
        var firstFrame: Int
        var frameCount: Int
        var stopReason: UInt16
        var isComplete: Bool
    }

    private let registry: ExecutableRegistry
    /// Nil where native code is left to a back end.
    private let symbolizer: Symbolizer?
    private let debugFileProvider: (any DebugFileProvider)?
    private let kernelNaming: KernelNaming

    private var generation: UInt64 = 0
    private var frames: [ProfileFrame] = []
    private var frameNumbers: [FrameKey: Int] = [:]
    private var runtimeFrameNumbers: [RuntimeFrame: Int] = [:]
    private var traces: [NamedTrace] = []
    /// Frame numbers of all traces, one after the other.
    private var traceFrames: [Int] = []
    private var executables: [ProfileExecutable] = []
    private var executableIndexes: [UInt32: Int] = [:]
    private var kernelExecutableIndexes: [String: Int] = [:]
    private var threadNames: [ThreadName: String] = [:]
    /// Frames of code made at run time, by the number of its executable: named anew when the process has said more.
    private var runTimeFrames: [UInt32: (version: UInt64, frames: [Int])] = [:]
    /// Frames of executables whose debug file has been asked for: named anew when it has come.
    private var waitingFrames: [UInt32: [(frame: Int, address: FrameAddress)]] = [:]

    init(
        registry: ExecutableRegistry, symbolizer: Symbolizer?, debugFileProvider: (any DebugFileProvider)? = nil,
        kernelNaming: KernelNaming
    ) {
        self.registry = registry
        self.symbolizer = symbolizer
        self.debugFileProvider = debugFileProvider
        self.kernelNaming = kernelNaming
    }

    func name(_ raw: RawInterval, clock: ClockOffset) -> ProfileInterval {
        if raw.generation != generation { forget(raw.generation) }
        kernelNaming.prepareForInterval()
        nameRunTimeFramesAnew()
        nameFetchedFramesAnew()
        nameFileByFile(raw)
        for trace in raw.newTraces { name(trace, raw) }

        // Only what this interval uses goes out, under indexes of its own.
        var interval = ProfileInterval(
            startUnixNanoseconds: clock.unix(raw.startMonotonicNanoseconds),
            endUnixNanoseconds: clock.unix(raw.endMonotonicNanoseconds))
        for process in raw.processes { interval.processes[process.id] = process.process }
        var frameIndexes = [Int32](repeating: -1, count: frames.count)
        var traceIndexes = [Int32](repeating: -1, count: traces.count)
        var executableIndexes = [Int32](repeating: -1, count: executables.count)
        let labelNumbers = nameLabels(raw.labelSets, &interval)
        interval.samples.reserveCapacity(raw.samples.count)
        for sample in raw.samples {
            let number = Int(sample.trace), process = Int(sample.process)
            guard number < traces.count, process < raw.processes.count else { continue }
            if traceIndexes[number] < 0 {
                traceIndexes[number] = Int32(interval.traces.count)
                let trace = traces[number]
                var indexes: [Int] = []
                indexes.reserveCapacity(trace.frameCount)
                for position in trace.firstFrame..<(trace.firstFrame + trace.frameCount) {
                    let frame = traceFrames[position]
                    if frameIndexes[frame] < 0 {
                        frameIndexes[frame] = Int32(interval.frames.count)
                        var copy = frames[frame]
                        if let executable = copy.executable {
                            if executableIndexes[executable] < 0 {
                                executableIndexes[executable] = Int32(interval.executables.count)
                                interval.executables.append(executables[executable])
                            }
                            copy.executable = Int(executableIndexes[executable])
                        }
                        interval.frames.append(copy)
                    }
                    indexes.append(Int(frameIndexes[frame]))
                }
                interval.traces.append(
                    ProfileTrace(frames: indexes, stopReason: trace.stopReason, isComplete: trace.isComplete))
            }
            var sampled = ProfileSample(
                trace: Int(traceIndexes[number]), origin: sample.origin,
                pid: Int32(truncatingIfNeeded: sample.pid), tid: Int32(truncatingIfNeeded: sample.tid),
                threadName: threadName(sample.threadName), cpu: sample.cpu,
                timeUnixNanoseconds: clock.unix(sample.monotonicNanoseconds), value: sample.value,
                weight: sample.weight, life: raw.processes[process].id.life)
            sampled.labels = labelNumbers.indices.contains(Int(sample.labels)) ? labelNumbers[Int(sample.labels)] : 0
            interval.samples.append(sampled)
        }
        return interval
    }

    /// The new number of each set of labels: not that of the order in which they were read.
    private func nameLabels(_ raw: [[UInt64]], _ interval: inout ProfileInterval) -> [Int] {
        let sets = raw.map(ProfileLabel.decode)
        let distinct = Set(sets).sorted { left, right in
            left.flatMap { [$0.key, $0.value] }.lexicographicallyPrecedes(right.flatMap { [$0.key, $0.value] })
        }
        interval.labelSets = distinct.first?.isEmpty == true ? distinct : [[]] + distinct
        let numbers = Dictionary(uniqueKeysWithValues: interval.labelSets.enumerated().map { ($1, $0) })
        return sets.map { numbers[$0] ?? 0 }
    }

    private func forget(_ newGeneration: UInt64) {
        generation = newGeneration
        frames.removeAll()
        frameNumbers.removeAll()
        runtimeFrameNumbers.removeAll()
        traces.removeAll()
        traceFrames.removeAll()
        executables.removeAll()
        executableIndexes.removeAll()
        kernelExecutableIndexes.removeAll()
        threadNames.removeAll()
        runTimeFrames.removeAll()
        waitingFrames.removeAll()
    }

    private func threadName(_ name: ThreadName) -> String {
        if let known = threadNames[name] { return known }
        let text = name.text
        threadNames[name] = text
        return text
    }

    // MARK: - Traces

    /// Names the native frames of new traces ordered by file and address, not as they come in stacks: what was read of a
    /// file serves all that is asked for of it.
    private func nameFileByFile(_ raw: RawInterval) {
        struct Wanted: Hashable {
            var executable: UInt32
            var address: UInt64
            var isReturnAddress: Bool
        }
        var wanted: Set<Wanted> = []
        for trace in raw.newTraces {
            let start = trace.firstWord - raw.firstWord
            let end = start + trace.wordCount
            guard start >= 0, end <= raw.newWords.count else { continue }
            var position = min(end, start + Int(trace.kernelFrameCount))
            while position + 1 < end {
                let frame = ABIFrame(header: raw.newWords[position])
                if frame.kind == UInt8(FRAME_NATIVE.rawValue) {
                    wanted.insert(
                        Wanted(
                            executable: UInt32(truncatingIfNeeded: frame.data), address: raw.newWords[position + 1],
                            isReturnAddress: frame.isReturnAddress))
                }
                position += frame.wordCount
            }
        }
        let sorted = wanted.sorted { ($0.executable, $0.address) < ($1.executable, $1.address) }
        var first = 0
        while first < sorted.count {
            let executable = sorted[first].executable
            let end = sorted[first...].firstIndex { $0.executable != executable } ?? sorted.count
            if let symbolizer, let known = registry[executable], let file = known.file {
                let addresses = sorted[first..<end].map { frame in
                    frame.isReturnAddress ? FrameAddress.returnAddress(frame.address) : .instruction(frame.address)
                }
                symbolizer.announce(known.fileID, addresses, open: { file.source }, files: known.debugFiles)
            }
            for frame in sorted[first..<end] {
                _ = nativeFrame(frame.executable, frame.address, isReturnAddress: frame.isReturnAddress)
            }
            first = end
        }
    }

    private func name(_ trace: TraceInterner.Trace, _ raw: RawInterval) {
        let first = traceFrames.count
        let start = trace.firstWord - raw.firstWord
        let end = start + trace.wordCount
        guard start >= 0, end <= raw.newWords.count else {
            traces.append(NamedTrace(firstFrame: first, frameCount: 0, stopReason: trace.stopReason, isComplete: false))
            return
        }
        let kernelEnd = min(end, start + Int(trace.kernelFrameCount))
        for position in start..<kernelEnd {
            // The first address is where the processor was; the others are return addresses.
            traceFrames.append(kernelFrame(raw.newWords[position], isReturnAddress: position > start))
        }
        let stopReason = stopReason(of: trace, kernelFrames: traceFrames[first...])
        let isExecuting = stopReason == UInt16(STOP_EXECUTING.rawValue)
        // Registers and mappings are of two programs then, and what they would say together is of neither.
        var position = isExecuting ? end : kernelEnd
        var hasGap = false
        while position < end {
            let frame = ABIFrame(header: raw.newWords[position])
            let next = position + frame.wordCount
            if frame.kind == UInt8(FRAME_NATIVE.rawValue), position + 1 < end {
                traceFrames.append(
                    nativeFrame(
                        UInt32(truncatingIfNeeded: frame.data), raw.newWords[position + 1],
                        isReturnAddress: frame.isReturnAddress))
            } else if frame.kind == UInt8(FRAME_MARKER.rawValue) {
                traceFrames.append(gapFrame(UInt32(truncatingIfNeeded: frame.data)))
                hasGap = true
            } else if frame.isRuntime, next <= end {
                traceFrames.append(
                    runtimeFrame(
                        RuntimeFrame(
                            kind: frame.kind, attachment: UInt32(truncatingIfNeeded: frame.data),
                            words: Array(raw.newWords[(position + 1)..<next])), raw))
            }
            position = next
        }
        let isAtRoot =
            isExecuting || stopReason == UInt16(STOP_ROOT.rawValue)
            || stopReason == UInt16(STOP_KERNEL_THREAD.rawValue)
        if !isAtRoot { traceFrames.append(stopFrame(stopReason)) }
        traces.append(
            NamedTrace(
                firstFrame: first, frameCount: traceFrames.count - first, stopReason: stopReason,
                isComplete: isAtRoot && !hasGap))
    }

    /// Why a trace ended, with what the kernel's functions tell of it: within `execve` from the old program's end on,
    /// and within a process's end, there is no user stack any more (`begin_new_exec`, `fs/exec.c`; `do_exit`,
    /// `kernel/exit.c`).
    private func stopReason(of trace: TraceInterner.Trace, kernelFrames: ArraySlice<Int>) -> UInt16 {
        switch UInt32(trace.stopReason) {
        case STOP_NO_MAPPING.rawValue, STOP_STACK_UNREADABLE.rawValue, STOP_TRUNCATED_SNAPSHOT.rawValue,
            STOP_PROCESS_GONE.rawValue, STOP_ZERO_PC.rawValue:
            for number in kernelFrames.reversed() {
                switch frames[number].functions.first?.name {
                case "do_exit": return UInt16(STOP_ENDING.rawValue)
                // Of Linux 5.4 and from 5.8 on; the functions around them are inlined in some kernels.
                case "load_elf_binary", "load_script", "begin_new_exec", "flush_old_exec", "exec_binprm",
                    "bprm_execve":
                    return UInt16(STOP_EXECUTING.rawValue)
                default: continue
                }
            }
            return trace.stopReason
        default: return trace.stopReason
        }
    }

    // MARK: - Frames

    private func frameNumber(_ key: FrameKey, make: () -> ProfileFrame) -> Int {
        if let known = frameNumbers[key] { return known }
        let number = frames.count
        frames.append(make())
        frameNumbers[key] = number
        return number
    }

    private func nativeFrame(_ executable: UInt32, _ address: UInt64, isReturnAddress: Bool) -> Int {
        let key = FrameKey(
            scope: UInt64(executable) << 32 | UInt64(FRAME_NATIVE.rawValue) << 1 | (isReturnAddress ? 1 : 0),
            address: address)
        return frameNumber(key) {
            let frameAddress: FrameAddress = isReturnAddress ? .returnAddress(address) : .instruction(address)
            guard executable != 0, let known = registry[executable] else {
                return ProfileFrame(
                    kind: .native, executable: nil, address: frameAddress.lookupAddress, functions: [])
            }
            if let code = known.runTimeCode {
                runTimeFrames[executable, default: (code.version, [])].frames.append(frames.count)
                return ProfileFrame(
                    kind: .native, executable: nil, address: frameAddress.lookupAddress,
                    functions: FrameNaming.functions(code, frameAddress.lookupAddress))
            }
            if let debugFileProvider, symbolizer != nil, known.lacksDebugFile, let file = known.file {
                known.fetchedDebugFile.request(for: file, from: debugFileProvider)
                if !known.fetchedDebugFile.isSettled {
                    waitingFrames[executable, default: []].append((frames.count, frameAddress))
                }
            }
            let (functions, kind) = names(known, frameAddress)
            return ProfileFrame(
                kind: kind, executable: index(of: executable, known.description),
                address: frameAddress.lookupAddress, functions: functions)
        }
    }

    private func names(_ known: Executable, _ address: FrameAddress) -> ([ProfileFunction], FrameKind) {
        guard let symbolizer, let file = known.file,
            let found = symbolizer.symbolize(
                known.fileID, at: address, open: { file.source }, files: known.debugFiles)
        else { return ([], .native) }
        return (found.frames.map(FrameNaming.function), found.frames.last?.language == .go ? .go : .native)
    }

    /// A debug file that has come from elsewhere knows more than was there before.
    private func nameFetchedFramesAnew() {
        for (number, waiting) in waitingFrames {
            guard let known = registry[number] else {
                waitingFrames[number] = nil
                continue
            }
            if known.fetchedDebugFile.take(), let symbolizer, let file = known.file {
                symbolizer.forget(known.fileID)
                symbolizer.announce(
                    known.fileID, waiting.map(\.address), open: { file.source }, files: known.debugFiles)
                for frame in waiting { frames[frame.frame].functions = names(known, frame.address).0 }
            }
            if known.fetchedDebugFile.isSettled { waitingFrames[number] = nil }
        }
    }

    private static func functions(_ code: RunTimeCode, _ address: UInt64) -> [ProfileFunction] {
        code.name(at: address).map { [ProfileFunction(name: $0)] } ?? []
    }

    /// A process may tell of code after it ran, and put other code in its place.
    private func nameRunTimeFramesAnew() {
        for (number, known) in runTimeFrames {
            guard let code = registry[number]?.runTimeCode, code.version != known.version else { continue }
            runTimeFrames[number]?.version = code.version
            for frame in known.frames { frames[frame].functions = FrameNaming.functions(code, frames[frame].address) }
        }
    }

    private static func function(_ frame: SymbolizedFrame) -> ProfileFunction {
        ProfileFunction(
            name: frame.functionName, systemName: frame.systemName == frame.functionName ? "" : frame.systemName,
            file: frame.fileName, line: frame.line, column: frame.column, startLine: frame.startLine)
    }

    private func index(of executable: UInt32, _ description: ProfileExecutable) -> Int {
        if let known = executableIndexes[executable] { return known }
        let index = executables.count
        executables.append(description)
        executableIndexes[executable] = index
        return index
    }

    private func kernelFrame(_ address: UInt64, isReturnAddress: Bool) -> Int {
        let lookup = isReturnAddress ? address &- 1 : address
        return frameNumber(FrameKey(scope: isReturnAddress ? 1 : 0, address: address)) {
            guard let place = kernelNaming.place(of: lookup) else {
                return ProfileFrame(kind: .kernel, executable: nil, address: lookup, functions: [])
            }
            var index: Int?
            if let executable = place.executable {
                index = kernelExecutableIndexes[executable.fileName]
                if index == nil {
                    index = executables.count
                    executables.append(executable)
                    kernelExecutableIndexes[executable.fileName] = index
                }
            }
            return ProfileFrame(
                kind: .kernel, executable: index, address: place.offset,
                functions: place.function.map { [ProfileFunction(name: $0)] } ?? [])
        }
    }

    private func stopFrame(_ reason: UInt16) -> Int {
        frameNumber(FrameKey(scope: 2, address: UInt64(reason))) {
            ProfileFrame(
                kind: .stop, executable: nil, address: UInt64(reason),
                functions: [ProfileFunction(name: String(cString: stop_reason_sentence(UInt32(reason))))])
        }
    }

    private func runtimeFrame(_ frame: RuntimeFrame, _ raw: RawInterval) -> Int {
        if let known = runtimeFrameNumbers[frame] { return known }
        let type = managedRuntimes.first { $0.kind.frameKind == frame.kind }?.kind.frameType ?? "unknown"
        let functions = (raw.runtimeNames[frame] ?? []).map { function in
            ProfileFunction(
                name: function.name, file: function.fileName, line: function.line, startLine: function.startLine)
        }
        let number = frames.count
        frames.append(ProfileFrame(kind: .managed(type: type), executable: nil, address: 0, functions: functions))
        runtimeFrameNumbers[frame] = number
        return number
    }

    private func gapFrame(_ marker: UInt32) -> Int {
        frameNumber(FrameKey(scope: 3, address: UInt64(marker))) {
            ProfileFrame(
                kind: .gap, executable: nil, address: UInt64(marker),
                functions: [ProfileFunction(name: String(cString: frame_marker_sentence(marker)))])
        }
    }
}
