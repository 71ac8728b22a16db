/// The family `samples.*.count` of one message: which streams a stack counts for is found out once, adding to them
/// needs no look-up.
struct FrameMetricCounts {
    private static let unknown: Int32 = -2
    private static let none: Int32 = -1

    private let isEnabled: [Bool]
    private var numbers: [StreamKey: Int32] = [:]
    private var keys: [StreamKey] = []
    private var weights: [Int64] = []
    private var touched: [Int32] = []
    /// By stack: the streams' numbers.
    private var streams: [(Int32, Int32)]

    init(stackCount: Int, _ configuration: ProfilingMetricsConfiguration) {
        isEnabled = MetricName.allCases.map(configuration.isEnabled)
        streams = Array(repeating: (Self.unknown, Self.none), count: stackCount)
    }

    /// - Parameter index: The stack's place in the message's table.
    mutating func add(_ weight: Int64, stack index: Int, _ stack: StackClassifier.Stack) {
        if streams[index].0 == Self.unknown { streams[index] = makeStreams(stack) }
        add(weight, to: streams[index].0)
        add(weight, to: streams[index].1)
    }

    /// Hands on what was counted, and starts again at 0.
    mutating func move(to window: inout MetricsWindow, at position: Int) {
        for stream in touched {
            window.add(weights[Int(stream)], to: keys[Int(stream)], at: position)
            weights[Int(stream)] = 0
        }
        touched.removeAll(keepingCapacity: true)
    }

    /// A sample in the kernel counts for the kernel alone, any other for user code and its language.
    private mutating func makeStreams(_ stack: StackClassifier.Stack) -> (Int32, Int32) {
        if stack.kind == .kernel {
            let key = StreamKey(metric: .kernel, kernelClass: stack.kernelClass, names: [stack.name, 0, 0, 0])
            return (number(of: key), Self.none)
        }
        let language = StreamKey(metric: stack.language, names: [stack.name, 0, 0, 0])
        return (number(of: StreamKey(metric: .user)), number(of: language))
    }

    private mutating func number(of key: StreamKey) -> Int32 {
        guard isEnabled[Int(key.metric.rawValue)] else { return Self.none }
        if let known = numbers[key] { return known }
        let number = Int32(keys.count)
        numbers[key] = number
        keys.append(key)
        weights.append(0)
        return number
    }

    private mutating func add(_ weight: Int64, to stream: Int32) {
        guard stream >= 0 else { return }
        if weights[Int(stream)] == 0 { touched.append(stream) }
        weights[Int(stream)].addClamping(weight)
    }
}
