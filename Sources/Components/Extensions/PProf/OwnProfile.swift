import Collector
import Glibc
import OTLP
import ZlibCompression

typealias OTLPProfilesMessage = OTLPProfilesData

/// Nanoseconds since 1970.
func unixNanosecondsNow() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
}

/// The samples of one process, counted by stack and thread.
struct OwnProfile: Sendable {
    /// Different stacks; more are counted as one without frames.
    static let maximumStacks = 100_000

    struct Key: Hashable, Sendable {
        var stack: Int32
        var threadName: String
    }

    /// In nanoseconds since 1970.
    let start: UInt64
    /// Samples at or after it do not belong to the profile.
    var end: UInt64?
    private let pid: Int64
    private(set) var counts: [Key: Int] = [:]
    private(set) var periodNanoseconds: Int64 = 0
    private var merger = ProfilesDictionaryMerger()

    /// - Parameter pid: As profiles tell it: the host's number of the process.
    init(from start: UInt64, pid: Int64 = Int64(getpid())) {
        self.start = start
        self.pid = pid
    }

    var sampleCount: Int { counts.values.reduce(0, +) }
    var dictionary: OTLPProfilesDictionary { merger.dictionary }

    /// The time behind the message's last sample.
    static func end(of message: OTLPProfilesMessage) -> UInt64 {
        let profile = message.resourceProfiles.first?.scopeProfiles.first?.profiles.first
        guard let profile else { return 0 }
        let (end, overflow) = profile.timeUnixNano.addingReportingOverflow(profile.durationNano)
        return overflow ? .max : end
    }

    /// Counts what the message has of this process's CPU time.
    mutating func add(_ message: OTLPProfilesMessage) {
        let own = message.resourceProfiles.filter { resource in
            resource.resource.attributes.contains { $0.key == "process.pid" && $0.value.intValue == pid }
        }
        guard !own.isEmpty else { return }
        let (from, to) = (start, end ?? .max)
        let merged = merger.add(own, of: message.dictionary)
        let dictionary = merger.dictionary
        let profiles = merged.flatMap(\.scopeProfiles).flatMap(\.profiles)
        for profile in profiles where dictionary.string(at: profile.sampleType.typeStrindex) == "samples" {
            periodNanoseconds = max(periodNanoseconds, profile.period)
            for sample in profile.samples {
                let count = sample.timestampsUnixNano.count { from <= $0 && $0 < to }
                guard count > 0 else { continue }
                var key = Key(stack: sample.stackIndex, threadName: Self.threadName(sample, dictionary))
                if counts[key] == nil, counts.count >= Self.maximumStacks { key = Key(stack: 0, threadName: "") }
                counts[key, default: 0] += count
            }
        }
    }

    private static func threadName(_ sample: OTLPSample, _ dictionary: OTLPProfilesDictionary) -> String {
        for index in sample.attributeIndices {
            if let attribute = dictionary.attribute(at: index),
                dictionary.string(at: attribute.keyStrindex) == "thread.name"
            {
                return attribute.value.stringValue
            }
        }
        return ""
    }

    /// The profile as gzip-compressed pprof.
    func encoded() throws -> [UInt8] {
        try PProfFormat.encode(self).compressed(.gzip)
    }
}
