/// Every metric that the connector makes.
enum MetricName: UInt8, CaseIterable, Sendable {
    case user, kernel, native, jvm, cpython, go, v8js, php, perl, ruby, dotnet, rust, beam, luajit, other
    case frameType, classification, customAggregation
    /// Of the 9.2 release, in its mode only.
    case samples
    // Beyond Elastic's connector; off unless asked for.
    case cpuTime, offCPUTime, functionTime, stacks, completeShare

    /// As in configurations and in what is sent.
    var name: String {
        switch self {
        case .frameType: "samples.frame_type"
        case .classification: "samples.classification"
        case .customAggregation: "samples.custom_aggregation"
        case .samples: "samples.count"
        case .cpuTime: "samples.cpu.time"
        case .offCPUTime: "samples.off_cpu.time"
        case .functionTime: "samples.function.time"
        case .stacks: "samples.stacks.count"
        case .completeShare: "samples.stacks.complete.ratio"
        case .user, .kernel, .native, .jvm, .cpython, .go, .v8js, .php, .perl, .ruby, .dotnet, .rust, .beam, .luajit,
            .other:
            "samples.\(self).count"
        }
    }

    var description: String {
        switch self {
        case .user: "Number of samples executing userspace code (self)"
        case .kernel: "Number of samples executing kernel code (self)"
        case .native: "Number of samples executing native code (self)"
        case .jvm: "Number of samples executing HotSpot code (self)"
        case .cpython: "Number of samples executing Python code (self)"
        case .go: "Number of samples executing Go code (self)"
        case .v8js: "Number of samples executing v8js code (self)"
        case .php: "Number of samples executing PHP code (self)"
        case .perl: "Number of samples executing Perl code (self)"
        case .ruby: "Number of samples executing Ruby code (self)"
        case .dotnet: "Number of samples executing Dotnet code (self)"
        case .rust: "Number of samples executing Rust code (self)"
        case .beam: "Number of samples executing Beam code (self)"
        case .luajit: "Number of samples executing LuaJIT code (self)"
        case .other: "Number of samples whose leaf frame is of no known type (self)"
        case .frameType: "Number of profiles frames by frame type"
        case .classification, .customAggregation: "Number of profiling frames by classification"
        case .samples: "Total number of profiling samples"
        case .cpuTime: "CPU time by process and thread"
        case .offCPUTime: "Time off the CPU by what the kernel was asked to do"
        case .functionTime: "CPU time of the functions that spend most of it themselves"
        case .stacks: "Number of samples by whether their stack is complete"
        case .completeShare: "Share of samples whose stack is complete"
        }
    }

    var unit: String {
        switch self {
        case .cpuTime, .offCPUTime, .functionTime: "s"
        default: "1"
        }
    }

    var isGauge: Bool {
        switch self {
        case .frameType, .classification, .customAggregation, .completeShare: true
        default: false
        }
    }

    /// On unless the configuration says otherwise.
    var isOnByDefault: Bool {
        switch self {
        case .frameType, .classification, .samples, .cpuTime, .offCPUTime, .functionTime, .stacks, .completeShare:
            false
        default: true
        }
    }

    /// Which attributes a configuration may choose from; nil where there is no choice.
    var selectableAttributes: [String]? {
        switch self {
        case .frameType, .customAggregation: ["frame_type", "profile.type_unit"]
        case .classification: ["classification", "frame_type", "profile.type_unit"]
        case .cpuTime: ["container.id", "process.executable.name", "process.pid", "thread.name"]
        default: nil
        }
    }

    /// Metrics of the family `samples.*.count`: one sample, one point of self time.
    var isFrameMetric: Bool { rawValue <= MetricName.other.rawValue }

    /// The metric of user code of a type.
    init(of type: FrameType) {
        self =
            switch type {
            case .kernel: .kernel
            case .native: .native
            case .jvm: .jvm
            case .cpython: .cpython
            case .go: .go
            case .v8js: .v8js
            case .php: .php
            case .perl: .perl
            case .ruby: .ruby
            case .dotnet: .dotnet
            case .rust: .rust
            case .beam: .beam
            case .luajit: .luajit
            case .other: .other
            }
    }
}
