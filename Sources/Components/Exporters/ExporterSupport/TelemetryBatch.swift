import Collector
import OTLP

/// Batches of one signal brought together, and taken apart again in other sizes.
///
/// Profiles refer to the dictionary of their message: here they keep it until they leave, and get a common one then,
/// with nothing in it that they do not need. A batch that leaves as it came is not touched.
struct TelemetryBatch: Sendable {
    private struct Part {
        /// With a dictionary of its own, if it is of profiles.
        var telemetry: Telemetry
        /// Something was taken out, so that its dictionary has more than is needed.
        var isCut = false
    }

    let signal: Signal
    private var parts: [Part] = []
    private(set) var itemCount = 0

    init(_ signal: Signal) {
        self.signal = signal
    }

    init(_ telemetry: Telemetry) {
        self.init(telemetry.signal)
        add(telemetry)
    }

    var isEmpty: Bool { itemCount == 0 }

    /// - Parameter telemetry: of the batch's signal.
    mutating func add(_ telemetry: Telemetry) {
        let items = telemetry.itemCount
        guard telemetry.signal == signal, items > 0 else { return }
        parts.append(Part(telemetry: telemetry))
        itemCount += items
    }

    /// Takes out the first items.
    /// - Parameter limit: how many at most; at least 1.
    mutating func removePrefix(_ limit: Int) -> TelemetryBatch {
        var prefix = TelemetryBatch(signal)
        var room = max(1, limit)
        var whole = 0
        for index in parts.indices where room > 0 {
            let items = parts[index].telemetry.itemCount
            if items <= room {
                prefix.parts.append(parts[index])
                room -= items
                prefix.itemCount += items
                whole = index + 1
            } else {
                prefix.parts.append(Part(telemetry: parts[index].telemetry.removePrefix(room), isCut: true))
                parts[index].isCut = true
                prefix.itemCount += room
                room = 0
            }
        }
        parts.removeFirst(whole)
        itemCount -= prefix.itemCount
        return prefix
    }

    /// All of it in one message.
    func joined() -> Telemetry {
        if parts.count == 1, !parts[0].isCut || signal != .profiles { return parts[0].telemetry }
        switch signal {
        case .profiles:
            var merger = ProfilesDictionaryMerger()
            var resources: [OTLPResourceProfiles] = []
            for case .profiles(let data) in parts.map(\.telemetry) {
                resources += merger.add(data.resourceProfiles, of: data.dictionary)
            }
            return .profiles(
                .with {
                    $0.resourceProfiles = resources
                    $0.dictionary = merger.dictionary
                })
        case .traces, .metrics, .logs:
            guard var result = parts.first?.telemetry else { return Telemetry(emptyOf: signal) }
            for part in parts.dropFirst() { result.append(part.telemetry) }
            return result
        }
    }
}
