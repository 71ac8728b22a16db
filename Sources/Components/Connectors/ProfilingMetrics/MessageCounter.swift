import OTLP

/// Counts the samples of one message into a window.
///
/// The samples of a profile are first added up by stack, so that all else is done once for each stack that a profile
/// has, not for each sample.
struct MessageCounter {
    private let configuration: ProfilingMetricsConfiguration
    private let data: OTLPProfilesData
    private var frames: FrameClassifier
    private var stacks: StackClassifier
    /// Samples whose indices lead nowhere.
    private(set) var invalidSamples = 0

    /// By stack, of the present profile.
    private var entries: [Int64]
    private var weights: [Int64]
    private var offCPUNanoseconds: [Int64]
    private var touched: [Int] = []
    private var threadWeights: [NameTable.Number: Int64] = [:]
    private var frameMetrics: FrameMetricCounts

    private let wantsFrameMetrics: Bool
    private let wantsThreads: Bool
    private let wantsStacks: Bool
    private let families: [MetricName]

    init(_ data: OTLPProfilesData, _ configuration: ProfilingMetricsConfiguration) {
        self.configuration = configuration
        self.data = data
        frames = FrameClassifier(data.dictionary, configuration)
        stacks = StackClassifier(data.dictionary)
        entries = Array(repeating: 0, count: stacks.count)
        weights = entries
        offCPUNanoseconds = entries
        frameMetrics = FrameMetricCounts(stackCount: stacks.count, configuration)
        wantsFrameMetrics = MetricName.allCases.contains { $0.isFrameMetric && configuration.isEnabled($0) }
        wantsThreads = configuration.isEnabled(.cpuTime) && configuration.has("thread.name", .cpuTime)
        wantsStacks = configuration.isEnabled(.stacks) || configuration.isEnabled(.completeShare)
        families = [.frameType, .classification, .customAggregation].filter(configuration.isEnabled)
    }

    /// - Parameter now: Stands for the time of profiles that state none.
    mutating func count(into window: inout MetricsWindow, now: UInt64) {
        for resource in data.resourceProfiles {
            for scope in resource.scopeProfiles {
                for profile in scope.profiles where !profile.samples.isEmpty {
                    count(profile, of: resource.resource, into: &window, now: now)
                }
            }
        }
    }

    private mutating func count(
        _ profile: OTLPProfile, of resource: OTLPResource, into window: inout MetricsWindow, now: UInt64
    ) {
        let type = data.dictionary.string(at: profile.sampleType.typeStrindex) ?? ""
        let unit = data.dictionary.string(at: profile.sampleType.unitStrindex) ?? ""
        let isOnCPU = type == "samples" && unit == "count"
        let isOffCPU = type == "off_cpu" && unit == "nanoseconds"
        let start = profile.timeUnixNano == 0 ? now : profile.timeUnixNano
        let end = start.addingReportingOverflow(profile.durationNano)
        var kept = resource
        if !configuration.droppedResourceAttributes.isEmpty {
            kept.attributes.removeAll { configuration.droppedResourceAttributes.contains($0.key) }
        }
        let position = window.position(of: kept, start: start, end: end.overflow ? start : end.partialValue)

        let total = addUp(profile.samples, isOffCPU: isOffCPU, &window.names)
        if configuration.isEnabled(.samples) {
            window.add(total, to: StreamKey(metric: .samples), at: position)
        }
        let secondsPerSample = self.secondsPerSample(profile)
        if isOnCPU, let secondsPerSample, configuration.isEnabled(.cpuTime) {
            addCPUTime(total, secondsPerSample, resource, at: position, &window)
        }
        for index in touched where index != 0 {
            let stack = stacks.stack(at: index, &frames, &window.names)
            guard stack.counts else { continue }
            if isOnCPU {
                if wantsFrameMetrics { frameMetrics.add(weights[index], stack: index, stack) }
                if let secondsPerSample, configuration.isEnabled(.functionTime) {
                    addFunctionTime(index, stack, Double(weights[index]) * secondsPerSample, at: position, &window)
                }
            }
            if isOffCPU, configuration.isEnabled(.offCPUTime) {
                let key = StreamKey(
                    metric: .offCPUTime, kernelClass: stack.kernelClass,
                    names: [stack.kind == .kernel ? stack.name : 0, stack.userType, 0, 0])
                window.add(seconds: Double(offCPUNanoseconds[index]) * 1e-9, to: key, at: position)
            }
            if wantsStacks {
                window.add(
                    weights[index], to: StreamKey(metric: .stacks, names: [stack.isComplete ? 1 : 0, 0, 0, 0]),
                    at: position)
            }
        }
        frameMetrics.move(to: &window, at: position)
        if !families.isEmpty { addFamilies(typeUnit: "\(type)_\(unit)", at: position, &window) }
        for index in touched { (entries[index], weights[index], offCPUNanoseconds[index]) = (0, 0, 0) }
        touched.removeAll(keepingCapacity: true)
        threadWeights.removeAll(keepingCapacity: true)
    }

    /// Adds up a profile's samples by stack. One sample weighs as many events as it has timestamps; without any, its
    /// values of the unit count; and at least 1.
    /// - Returns: The weight of all.
    private mutating func addUp(_ samples: [OTLPSample], isOffCPU: Bool, _ names: inout NameTable) -> Int64 {
        var total: Int64 = 0
        samples.withUnsafeBufferPointer { samples in
            for index in samples.indices {
                let stack = Int(samples[index].stackIndex)
                guard entries.indices.contains(stack) else {
                    invalidSamples += 1
                    continue
                }
                var weight = Int64(samples[index].timestampsUnixNano.count)
                if weight == 0 {
                    if !isOffCPU { for value in samples[index].values { weight.addClamping(value) } }
                    weight = max(1, weight)
                }
                if entries[stack] == 0 { touched.append(stack) }
                entries[stack] &+= 1
                weights[stack].addClamping(weight)
                total.addClamping(weight)
                if isOffCPU {
                    for value in samples[index].values where value > 0 { offCPUNanoseconds[stack].addClamping(value) }
                }
                if wantsThreads {
                    let thread = frames.threadName(of: samples[index].attributeIndices, &names)
                    threadWeights[thread, default: 0].addClamping(weight)
                }
            }
        }
        return total
    }

    private func secondsPerSample(_ profile: OTLPProfile) -> Double? {
        guard profile.period > 0, data.dictionary.string(at: profile.periodType.typeStrindex) == "cpu",
            data.dictionary.string(at: profile.periodType.unitStrindex) == "nanoseconds"
        else { return nil }
        return Double(profile.period) * 1e-9
    }

    // MARK: - Times

    private func addCPUTime(
        _ total: Int64, _ secondsPerSample: Double, _ resource: OTLPResource, at position: Int,
        _ window: inout MetricsWindow
    ) {
        var names = SIMD4<NameTable.Number>()
        func fill(_ place: Int, _ key: String) {
            guard configuration.has(key, .cpuTime),
                let value = resource.attributes.first(where: { $0.key == key })?.value
            else { return }
            switch value.value {
            case .stringValue(let text): names[place] = window.names.number(of: text)
            case .intValue(let number): names[place] = window.names.number(of: "\(number)")
            default: break
            }
        }
        fill(1, "process.executable.name")
        fill(2, "container.id")
        fill(3, "process.pid")
        guard wantsThreads else {
            let key = StreamKey(metric: .cpuTime, names: names)
            window.add(seconds: Double(total) * secondsPerSample, to: key, at: position)
            return
        }
        for (thread, weight) in threadWeights {
            names[0] = thread
            let key = StreamKey(metric: .cpuTime, names: names)
            window.add(seconds: Double(weight) * secondsPerSample, to: key, at: position)
        }
    }

    private func addFunctionTime(
        _ index: Int, _ stack: StackClassifier.Stack, _ seconds: Double, at position: Int, _ window: inout MetricsWindow
    ) {
        guard let leaf = stacks.locations(at: index).first else { return }
        let function = window.names.number(of: frames.functionName(at: leaf) ?? "(unnamed)")
        let key = StreamKey(metric: .functionTime, names: [function, stack.leafType, 0, 0])
        window.add(seconds: seconds, to: key, at: position)
    }

    // MARK: - Every frame of every sample

    private mutating func addFamilies(typeUnit: String, at position: Int, _ window: inout MetricsWindow) {
        let typeUnit = window.names.number(of: typeUnit)
        var counts: [StreamKey: Int64] = [:]
        for index in touched where index != 0 {
            let samples = entries[index]
            for location in stacks.locations(at: index) {
                guard let frame = frames.frame(at: location, &window.names) else { continue }
                if families.contains(.frameType), frame.typeName != 0 {
                    let key = StreamKey(metric: .frameType, names: [frame.typeName, 0, typeUnit, 0])
                    counts[key, default: 0].addClamping(samples)
                }
                if families.contains(.classification), frame.type == .go || frame.type == .jvm {
                    frames.eachClassification(at: location, type: frame.type, &window.names) { name in
                        let key = StreamKey(
                            metric: .classification, names: [name, frame.typeName, typeUnit, 0])
                        counts[key, default: 0].addClamping(samples)
                    }
                }
                if families.contains(.customAggregation) {
                    frames.eachLabel(at: location, &window.names) { label in
                        let key = StreamKey(metric: .customAggregation, names: [label, 0, typeUnit, 0])
                        counts[key, default: 0].addClamping(samples)
                    }
                }
            }
        }
        for (key, value) in PointReduction.reduce(counts, configuration) {
            window.add(value, to: key, at: position)
        }
    }
}
