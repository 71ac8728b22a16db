import Engine
import OTLP

/// The order in which samples are written: by process and life of it, kind, thread, CPU, thread's name, labels, time.
///
/// It does not depend on the order in which the engine read them, puts together what goes into one profile, and puts
/// together the samples of one thread on one CPU, which have their attributes in common.
struct SampleOrder {
    private struct Key {
        /// Process and life.
        var process: UInt64
        var kind: UInt8
        /// Thread and CPU.
        var thread: UInt64
        var time: UInt64
        var index: Int
    }

    /// - Returns: Indexes into `samples`.
    static func sorted(_ samples: [ProfileSample]) -> [Int] {
        var keys: [Key] = []
        keys.reserveCapacity(samples.count)
        for (index, sample) in samples.enumerated() {
            keys.append(
                Key(
                    process: UInt64(UInt32(bitPattern: sample.pid)) << 32 | UInt64(sample.life),
                    kind: sample.origin.rawValue,
                    thread: UInt64(UInt32(bitPattern: sample.tid)) << 32 | UInt64(sample.cpu),
                    time: sample.timeUnixNanoseconds, index: index))
        }
        keys.sort { left, right in
            if left.process != right.process { return left.process < right.process }
            if left.kind != right.kind { return left.kind < right.kind }
            if left.thread != right.thread { return left.thread < right.thread }
            let (leftSample, rightSample) = (samples[left.index], samples[right.index])
            if !haveEqualNames(leftSample, rightSample) {
                return leftSample.threadName.utf8.lexicographicallyPrecedes(rightSample.threadName.utf8)
            }
            if leftSample.labels != rightSample.labels { return leftSample.labels < rightSample.labels }
            if left.time != right.time { return left.time < right.time }
            if leftSample.value != rightSample.value { return leftSample.value < rightSample.value }
            return left.index < right.index
        }
        return keys.map(\.index)
    }

    /// Compares bytes: Swift's strings are equal also in different forms of Unicode, attributes are not.
    static func haveEqualNames(_ left: ProfileSample, _ right: ProfileSample) -> Bool {
        left.threadName.utf8.elementsEqual(right.threadName.utf8)
    }
}

/// The samples of one profile, merged: those with equal stack and equal attributes become one with several times.
struct ThreadSamples {
    private(set) var samples: [OTLPSample] = []
    /// The sample that was added last, and the attributes it has in common with its neighbours.
    private var last: ProfileSample?
    private var attributes: [Int32] = []
    /// Where the current thread's sample with a certain stack is, by the stack's index: an entry is valid if its run
    /// is the current one.
    private var positions: [(run: Int, position: Int)] = []
    private var run = 0

    mutating func removeAll() {
        samples = []
        last = nil
    }

    /// Samples must come in the order of `SampleOrder`.
    mutating func add(
        _ sample: ProfileSample, labels: [ProfileLabel], stack: Int32, _ builder: inout ProfilesDictionaryBuilder
    ) {
        if let last, last.tid == sample.tid, last.cpu == sample.cpu, last.labels == sample.labels,
            SampleOrder.haveEqualNames(last, sample)
        {
        } else {
            run += 1
            // By key, as everywhere.
            attributes = [builder.attribute("cpu.logical_number", Int64(sample.cpu))]
            for label in labels {
                attributes.append(builder.attribute("process.context.label.\(label.key)", label.value))
            }
            attributes.append(builder.attribute("thread.id", Int64(sample.tid)))
            if !sample.threadName.isEmpty { attributes.append(builder.attribute("thread.name", sample.threadName)) }
        }
        last = sample

        let stackPosition = Int(stack)
        if stackPosition >= positions.count {
            let missing = stackPosition + 1 - positions.count
            positions.append(contentsOf: repeatElement((run: 0, position: 0), count: missing))
        }
        let position: Int
        if positions[stackPosition].run == run {
            position = positions[stackPosition].position
        } else {
            position = samples.count
            positions[stackPosition] = (run, position)
            var new = OTLPSample()
            new.stackIndex = stack
            new.attributeIndices = attributes
            samples.append(new)
        }
        let earlier = samples[position].timestampsUnixNano.count
        samples[position].timestampsUnixNano.append(min(sample.timeUnixNanoseconds, ProfileTime.latest))
        if sample.origin == .offCPU {
            let (value, overflow) = sample.value.multipliedReportingOverflow(by: UInt64(sample.weight))
            samples[position].values.append(overflow ? .max : Int64(clamping: value))
        } else if sample.weight != 1 || !samples[position].values.isEmpty {
            // Without values each counts 1; with them there is one for each time.
            if samples[position].values.isEmpty {
                samples[position].values = Array(repeating: 1, count: earlier)
            }
            samples[position].values.append(Int64(sample.weight))
        }
    }
}
