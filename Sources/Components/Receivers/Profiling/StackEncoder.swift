import CBPFInterface
import Engine
import OTLP

/// Puts an interval's traces, frames and executables into a message's dictionary, each when it is first asked for and
/// only once: what was done is found by index, not by hashing.
///
/// - A frame is one location. Inlined functions are several lines of that location, the innermost first and the
///   function that holds the code last, as OTLP describes it. (The OpenTelemetry eBPF profiler sends a location for
///   every function it knows at an address, but names no inlined native code, for which that form would make several
///   frames with one address, and of those stores that identify a frame by file and address keep only one.)
/// - A location's address and a mapping's range are addresses in the executable file, not in the process. For code of
///   the kernel the range is not given and the address counts from the start of the kernel's or module's code.
/// - A frame of a managed runtime has a function, a line and its runtime's type, and neither mapping nor address. One that
///   could not be named has the type only.
/// - The frame that says why a stack is not complete, or that frames are missing at its place, has the type
///   `abort-marker`, as the eBPF profiler calls it, the reason as a sentence for its function's name, and for programs
///   the reason's short name as an attribute.
struct StackEncoder {
    /// The short name of the reason, for example `no_mapping`: the words of the engine's metrics.
    static let stopReasonKey = "otelcol.stack.stop_reason"
    /// The short name of what is missing, for example `runtime_pending`.
    static let gapKey = "otelcol.stack.gap"

    private static let unknown: Int32 = -1

    private let interval: ProfileInterval
    private let sendsStopFrames: Bool
    /// Indexes in the dictionary, by the interval's own indexes.
    private var stacks: [Int32]
    private var locations: [Int32]
    private var mappings: [Int32]
    /// The attributes that almost all frames have, once one has them.
    private var nativeType = StackEncoder.unknown
    private var kernelType = StackEncoder.unknown
    /// Kept to be reused.
    private var stackLocations: [Int32] = []

    init(interval: ProfileInterval, sendsStopFrames: Bool) {
        self.interval = interval
        self.sendsStopFrames = sendsStopFrames
        stacks = Array(repeating: Self.unknown, count: interval.traces.count)
        locations = Array(repeating: Self.unknown, count: interval.frames.count)
        mappings = Array(repeating: Self.unknown, count: interval.executables.count)
    }

    /// The index of the trace's stack: 0, the empty stack, if the trace has no frames to send.
    mutating func stack(ofTrace trace: Int, _ builder: inout ProfilesDictionaryBuilder) -> Int32 {
        guard stacks.indices.contains(trace) else { return 0 }
        if stacks[trace] != Self.unknown { return stacks[trace] }
        stackLocations.removeAll(keepingCapacity: true)
        for frame in interval.traces[trace].frames where locations.indices.contains(frame) {
            let kind = interval.frames[frame].kind
            if kind == .stop || kind == .gap, !sendsStopFrames { continue }
            stackLocations.append(location(ofFrame: frame, &builder))
        }
        let stack = builder.stack(stackLocations)
        stacks[trace] = stack
        return stack
    }

    private mutating func location(ofFrame index: Int, _ builder: inout ProfilesDictionaryBuilder) -> Int32 {
        if locations[index] != Self.unknown { return locations[index] }
        let frame = interval.frames[index]
        let location: Int32
        switch frame.kind {
        case .native:
            if nativeType == Self.unknown { nativeType = builder.attribute("profile.frame.type", "native") }
            location = codeLocation(frame, type: nativeType, &builder)
        case .kernel:
            if kernelType == Self.unknown { kernelType = builder.attribute("profile.frame.type", "kernel") }
            location = codeLocation(frame, type: kernelType, &builder)
        case .go:
            location = codeLocation(frame, type: builder.attribute("profile.frame.type", "go"), &builder)
        case .managed(let type):
            location = codeLocation(frame, type: builder.attribute("profile.frame.type", type), &builder)
        case .stop:
            let reason = UInt32(clamping: frame.address)
            location = markerLocation(
                frame, stop_reason_sentence(reason), Self.stopReasonKey, stop_reason_name(reason), &builder)
        case .gap:
            let marker = UInt32(clamping: frame.address)
            location = markerLocation(
                frame, frame_marker_sentence(marker), Self.gapKey, frame_marker_name(marker), &builder)
        }
        locations[index] = location
        return location
    }

    private mutating func codeLocation(
        _ frame: ProfileFrame, type: Int32, _ builder: inout ProfilesDictionaryBuilder
    ) -> Int32 {
        var mapping: Int32 = 0
        if let executable = frame.executable { mapping = self.mapping(ofExecutable: executable, &builder) }
        var lines: [ProfilesDictionaryBuilder.Line] = []
        lines.reserveCapacity(frame.functions.count)
        for function in frame.functions {
            let index = builder.function(
                name: function.name, systemName: function.systemName, fileName: function.file,
                startLine: Int64(function.startLine))
            // A function that nothing names must not be sent.
            if index == 0 { continue }
            lines.append(.init(function: index, line: Int64(function.line), column: Int64(function.column)))
        }
        return builder.location(mapping: mapping, address: frame.address, lines: lines, attributes: [type])
    }

    private func markerLocation(
        _ frame: ProfileFrame, _ sentence: UnsafePointer<CChar>?, _ key: String, _ shortName: UnsafePointer<CChar>?,
        _ builder: inout ProfilesDictionaryBuilder
    ) -> Int32 {
        var name = frame.functions.first?.name ?? ""
        if name.isEmpty { name = sentence.map { String(cString: $0) } ?? "" }
        return builder.location(
            lines: [.init(function: builder.function(name: name))],
            attributes: [
                builder.attribute("profile.frame.type", "abort-marker"),
                builder.attribute(key, shortName.map { String(cString: $0) } ?? ""),
            ])
    }

    /// 0, no mapping, for an executable without any id, because OTLP demands one.
    private mutating func mapping(
        ofExecutable index: Int, _ builder: inout ProfilesDictionaryBuilder
    ) -> Int32 {
        guard mappings.indices.contains(index) else { return 0 }
        if mappings[index] != Self.unknown { return mappings[index] }
        let executable = interval.executables[index]
        var attributes: [Int32] = []
        for (key, id) in [
            ("gnu", executable.gnuBuildID), ("go", executable.goBuildID), ("htlhash", executable.fileID),
        ] {
            if let id, !id.isEmpty {
                attributes.append(builder.attribute("process.executable.build_id.\(key)", id))
            }
        }
        var mapping: Int32 = 0
        if !attributes.isEmpty {
            let hasRange = executable.startAddress < executable.endAddress
            mapping = builder.mapping(
                memoryStart: hasRange ? executable.startAddress : 0, memoryLimit: hasRange ? executable.endAddress : 0,
                fileOffset: executable.fileOffset,
                fileName: executable.fileName.isEmpty ? "<anonymous-blob>" : executable.fileName,
                attributes: attributes)
        }
        mappings[index] = mapping
        return mapping
    }
}
