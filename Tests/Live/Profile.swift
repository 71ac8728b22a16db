/// One frame as a profiler names it.
struct ProofFrame: Sendable, Hashable, CustomStringConvertible {
    /// The function's name, demangled where the profiler demangles; nil when it has none.
    var name: String?
    /// The last path component of the file that the code lies in: `libc.so.6`, `chain-static`, `[vdso]`.
    var object: String
    var isKernel = false
    /// Of code of a managed runtime: its type (`profile.frame.type`), its source file's last path component, the line.
    var type: String?
    var file = ""
    var line = 0

    /// Stands for frames that are missing.
    var isMarker: Bool { object == "[stop]" || object == "[gap]" }

    var description: String {
        type == nil ? "\(name ?? "?") [\(object)]" : "\(name ?? "?") [\(file):\(line)]"
    }
}

/// A stack of one thread and how often it was seen.
struct ProofSample: Sendable, Hashable {
    var pid: Int32
    var threadName: String
    /// Leaf first: kernel frames, then user frames down to the thread's root.
    var frames: [ProofFrame]
    var weight: Int
    /// When, in nanoseconds since 1970 (UTC); 0 when not known.
    var timeUnixNanoseconds: UInt64 = 0
    /// What the program said of its work, `key=value`, by key.
    var labels: [String] = []
}

/// What the live tests ask of the profiler that is being proven.
protocol ProfileUnderTest: Sendable {
    /// Profiles the whole machine from before `body` starts until after it has ended.
    func samples(during body: @Sendable () async throws -> Void) async throws -> [ProofSample]
}
