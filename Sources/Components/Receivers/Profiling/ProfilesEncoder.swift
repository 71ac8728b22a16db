import Engine
import FoundationEssentials
import OTLP
import Processes

/// Turns an interval of the engine into one OTLP message: a resource for every life of a process, in it one scope, in
/// it one profile for every kind of sample that has data.
///
/// | Kind | Sample type | Period | A sample's arrays |
/// |---|---|---|---|
/// | on-CPU | samples, count | cpu, nanoseconds: 10⁹ divided by the sampling rate | timestamps; each counts 1, or values where it counts more |
/// | off-CPU | off_cpu, nanoseconds | none | timestamps and as many values |
/// | probes | events, count | none | timestamps; each counts 1 |
///
/// These are the types and the attributes that the OpenTelemetry eBPF profiler sends, so that what understands its
/// profiles understands these. Equal intervals give equal messages but for the profiles' random ids, in whatever order
/// the engine numbered traces, frames and executables: resources are sorted by pid and life, samples by thread, CPU and
/// time, attributes by key.
public struct ProfilesEncoder: Sendable {
    /// Names the producer; the version of the program is the scope's version.
    public static let scopeName = "otelcol/profiling"
    /// The semantic conventions that attribute names follow.
    public static let schemaURL = "https://opentelemetry.io/schemas/1.37.0"

    /// The sampling clock's rate on every CPU; at least 1.
    public var samplesPerSecond: UInt64
    /// Whether a stack that is not complete ends in a frame that says why.
    public var sendsStopFrames: Bool
    public var scopeVersion: String
    /// Gives the 16 bytes of a profile's id, different ones at every call.
    var makeProfileID: @Sendable () -> Data = randomProfileID

    public init(samplesPerSecond: UInt64, sendsStopFrames: Bool = true, scopeVersion: String) {
        self.samplesPerSecond = max(1, samplesPerSecond)
        self.sendsStopFrames = sendsStopFrames
        self.scopeVersion = scopeVersion
    }

    /// - Returns: Nil if the interval has no samples.
    public func encode(_ interval: ProfileInterval) -> OTLPProfilesData? {
        guard !interval.samples.isEmpty else { return nil }
        var builder = ProfilesDictionaryBuilder()
        var stacks = StackEncoder(interval: interval, sendsStopFrames: sendsStopFrames)
        var threads = ThreadSamples()
        let time = ProfileTime(interval)
        let order = SampleOrder.sorted(interval.samples)

        var resources: [OTLPResourceProfiles] = []
        var profiles: [OTLPProfile] = []
        var position = 0
        while position < order.count {
            let first = interval.samples[order[position]]
            // All samples of one life of a process and one kind are neighbours.
            threads.removeAll()
            while position < order.count {
                let sample = interval.samples[order[position]]
                guard sample.process == first.process, sample.origin == first.origin else { break }
                let stack = stacks.stack(ofTrace: sample.trace, &builder)
                let labels =
                    interval.labelSets.indices.contains(sample.labels) ? interval.labelSets[sample.labels] : []
                threads.add(sample, labels: labels, stack: stack, &builder)
                position += 1
            }
            var profile = emptyProfile(of: first.origin, &builder)
            profile.profileID = makeProfileID()
            profile.timeUnixNano = time.start
            profile.durationNano = time.duration
            profile.samples = threads.samples
            profiles.append(profile)
            if position == order.count || interval.samples[order[position]].process != first.process {
                resources.append(resource(pid: first.pid, interval.processes[first.process], profiles: profiles))
                profiles.removeAll()
            }
        }
        return .with {
            $0.resourceProfiles = resources
            $0.dictionary = builder.dictionary
        }
    }

    private func emptyProfile(of origin: SampleOrigin, _ builder: inout ProfilesDictionaryBuilder) -> OTLPProfile {
        var profile = OTLPProfile()
        switch origin {
        case .onCPU:
            profile.sampleType = builder.valueType("samples", "count")
            profile.periodType = builder.valueType("cpu", "nanoseconds")
            profile.period = Int64(1_000_000_000 / samplesPerSecond)
        case .offCPU: profile.sampleType = builder.valueType("off_cpu", "nanoseconds")
        case .probe: profile.sampleType = builder.valueType("events", "count")
        }
        return profile
    }

    private func resource(pid: Int32, _ process: ProfileProcess?, profiles: [OTLPProfile]) -> OTLPResourceProfiles {
        .with {
            $0.resource.attributes = ProcessAttributes.attributes(pid: pid, process)
            $0.schemaURL = Self.schemaURL
            $0.scopeProfiles = [
                .with {
                    $0.scope.name = Self.scopeName
                    $0.scope.version = scopeVersion
                    $0.schemaURL = Self.schemaURL
                    $0.profiles = profiles
                }
            ]
        }
    }

    @Sendable private static func randomProfileID() -> Data {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        for _ in 0..<2 {
            // All zero would mean "no id".
            withUnsafeBytes(of: UInt64.random(in: 1...UInt64.max)) { bytes.append(contentsOf: $0) }
        }
        return Data(bytes)
    }
}

/// The time that all profiles of one message share. The end is exclusive and lies behind the newest sample even if
/// the clock was set meanwhile; the start is moved back to the oldest sample, which may have waited for its process to
/// become known.
struct ProfileTime {
    /// The newest time that can lie inside of a half-open range of 64 bits.
    static let latest = UInt64.max - 1

    let start: UInt64
    let duration: UInt64

    init(_ interval: ProfileInterval) {
        var oldest = interval.startUnixNanoseconds
        var end = interval.endUnixNanoseconds
        for sample in interval.samples {
            let time = min(sample.timeUnixNanoseconds, Self.latest)
            oldest = min(oldest, time)
            end = max(end, time + 1)
        }
        start = oldest
        // Not below zero: there is a sample, and its time is neither before `oldest` nor at or behind `end`.
        duration = end &- oldest
    }
}

extension ProcessContext.Attribute {
    fileprivate var keyValue: OTLPKeyValue {
        .with {
            $0.key = key
            $0.value = value.otlp
        }
    }
}

extension ProcessContext.Value {
    fileprivate var otlp: OTLPAnyValue {
        .with {
            switch self {
            case .string(let text): $0.stringValue = text
            case .boolean(let value): $0.boolValue = value
            case .integer(let value): $0.intValue = value
            case .double(let value): $0.doubleValue = value
            case .array(let values): $0.arrayValue.values = values.map(\.otlp)
            }
        }
    }
}

/// What a resource says of a process, sorted by key. All of it is written inline, because not all receivers resolve
/// references to strings in resources.
enum ProcessAttributes {
    /// What a process may say of itself: not what is observed of it, nor what data is found by or routed by.
    private static func mayState(_ key: String) -> Bool {
        let refusedPrefixes = ["container.", "data_stream.", "elasticsearch.", "host.", "os.", "otelcol.", "process."]
        let refusedKeys = ["host", "ip", "k8s.pod.ip", "k8s.pod.uid", "service.name"]
        return !refusedKeys.contains(key) && !refusedPrefixes.contains { key.hasPrefix($0) }
    }

    static func attributes(pid: Int32, _ process: ProfileProcess?) -> [OTLPKeyValue] {
        var attributes: [OTLPKeyValue] = []
        if let process {
            let container = process.container
            for (key, value) in [
                ("container.id", process.containerID),
                ("container.image.name", container?.imageName),
                ("container.name", container?.name),
                ("container.runtime", process.placement?.containerRuntime),
                ("k8s.namespace.name", container?.podNamespace),
                ("k8s.pod.name", container?.podName),
                ("k8s.pod.uid", process.placement?.podUID ?? container?.podUID),
                ("otelcol.service.name.source", process.service?.source.rawValue),
                ("service.name", process.service?.name),
                ("systemd.unit", process.placement?.systemdUnit),
            ] {
                if let value, !value.isEmpty { attributes.append(OTLPKeyValue(key, value)) }
            }
            for (name, value) in process.environment where !name.isEmpty {
                attributes.append(OTLPKeyValue("process.environment_variable.\(name)", value))
            }
            if let path = process.executablePath, !path.isEmpty {
                attributes.append(OTLPKeyValue("process.executable.path", path))
                let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
                let name = slash.map { path[path.utf8.index(after: $0)...] } ?? path[...]
                if !name.isEmpty { attributes.append(OTLPKeyValue("process.executable.name", String(name))) }
            }
        }
        // What is outside of the profiler's pid namespace has none.
        if pid >= 0 { attributes.append(OTLPKeyValue("process.pid", Int64(pid))) }
        if let context = process?.context {
            let observed = Set(attributes.map(\.key))
            attributes += context.attributes.filter { !observed.contains($0.key) && mayState($0.key) }.map(\.keyValue)
        }
        return attributes.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }
}
