import CBPFInterface
import RuntimeSupport

/// One sample as the reading thread notes it.
struct RawSample: Sendable {
    /// Number of the trace in the interner's present generation.
    var trace: UInt32
    var pid: UInt32
    var tid: UInt32
    var cpu: UInt32
    /// Its id in version 2 of control groups; 0 when unknown.
    var controlGroup: UInt64
    var monotonicNanoseconds: UInt64
    var value: UInt64
    /// How many samples it stands for.
    var weight: UInt32 = 1
    /// The 16 bytes of the kernel's thread name.
    var threadName: ThreadName
    var origin: SampleOrigin
    /// Number of the set of its labels, an index into `RawInterval.labelSets`.
    var labels: UInt32 = 0
    /// Number of the life of its process, an index into `RawInterval.processes`.
    var process: UInt32 = 0
}

/// The kernel's name of a thread, NUL-padded, as two words: cheap to copy and to compare.
struct ThreadName: Hashable, Sendable {
    var first: UInt64
    var second: UInt64

    init(_ header: trace_header) {
        (first, second) = withUnsafeBytes(of: header.comm) { bytes in
            (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
    }

    /// Up to the first NUL; invalid UTF-8 is repaired.
    var text: String {
        withUnsafeBytes(of: (first, second)) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

/// One life of one process, and what is known of it.
struct RawProcess: Sendable {
    var id: ProfileProcess.ID
    /// `ProcessKey.generation`; 0 where nothing is known.
    var generation: UInt64
    var process: ProfileProcess
}

/// What the reading thread hands to the naming thread at the end of an interval.
struct RawInterval: Sendable {
    /// Changes when trace numbers start anew.
    var generation: UInt64
    /// Traces that are new since the last interval of this generation, and their words.
    var newTraces: [TraceInterner.Trace]
    var newWords: [UInt64]
    /// `Trace.firstWord` counts from here.
    var firstWord: Int
    var samples: [RawSample]
    /// By life number.
    var processes: [RawProcess]
    var startMonotonicNanoseconds: UInt64
    var endMonotonicNanoseconds: UInt64
    /// Labels as the kernel side sends them, by number; the first set is empty.
    var labelSets: [[UInt64]] = [[]]
    /// Names of the runtimes' frames that are new since the last interval.
    var runtimeNames: [RuntimeFrame: [RuntimeFunction]] = [:]
}
