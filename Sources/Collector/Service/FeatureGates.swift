import Synchronization

/// A switch for behaviour that is new or on its way out.
public struct FeatureGate: Sendable, Hashable {
    public enum Stage: String, Sendable, Hashable {
        /// Off unless enabled.
        case alpha = "Alpha"
        /// On unless disabled.
        case beta = "Beta"
        /// On for good.
        case stable = "Stable"
        /// Off for good.
        case deprecated = "Deprecated"
    }

    /// ASCII letters, digits and dots.
    public var id: String
    public var stage: Stage
    public var summary: String
    public var fromVersion: String
    /// The version that removes a stable or deprecated gate.
    public var toVersion: String?

    public init(id: String, stage: Stage, summary: String, fromVersion: String, toVersion: String? = nil) {
        self.id = id
        self.stage = stage
        self.summary = summary
        self.fromVersion = fromVersion
        self.toVersion = toVersion
    }

    var isEnabledByDefault: Bool { stage == .beta || stage == .stable }
}

/// The gates of the program and which of them are enabled.
public final class FeatureGates: Sendable {
    public static let profilesSupport = "service.profilesSupport"
    public static let allowNoPipelines = "service.AllowNoPipelines"
    public static let mergeAppend = "confmap.enableMergeAppendOption"

    /// The gates that users of the OpenTelemetry Collector pass to it.
    public static let standard: [FeatureGate] = [
        FeatureGate(
            id: profilesSupport, stage: .alpha, summary: "Enables pipelines of the signal profiles.",
            fromVersion: "v0.112.0"),
        FeatureGate(
            id: allowNoPipelines, stage: .alpha, summary: "Allows a configuration without pipelines.",
            fromVersion: "v0.122.0"),
        FeatureGate(
            id: mergeAppend, stage: .alpha,
            summary: "Appends the lists service::extensions and the receivers and exporters of pipelines when several "
                + "configurations are merged, instead of replacing them.",
            fromVersion: "v0.120.0"),
        FeatureGate(
            id: "service.partialReload", stage: .alpha,
            summary: "Accepted for compatibility; without effect in this version.",
            fromVersion: "v0.157.0"),
        FeatureGate(
            id: "service.partialReloadReceivers", stage: .beta,
            summary: "Accepted for compatibility; without effect in this version.",
            fromVersion: "v0.157.0"),
        FeatureGate(
            id: "telemetry.newPipelineTelemetry", stage: .alpha,
            summary: "Accepted for compatibility; without effect in this version.", fromVersion: "v0.123.0"),
        FeatureGate(
            id: "receiverhelper.newReceiverMetrics", stage: .alpha,
            summary: "Accepted for compatibility; without effect in this version.", fromVersion: "v0.138.0"),
        FeatureGate(
            id: "pkg.exporterhelper.queueBatchEnabled", stage: .alpha,
            summary: "Accepted for compatibility; without effect in this version.", fromVersion: "v0.115.0"),
    ]

    /// Sorted by id.
    public let gates: [FeatureGate]
    private let gatesByID: [String: FeatureGate]
    private let overrides = Mutex<[String: Bool]>([:])

    public init(_ gates: [FeatureGate] = FeatureGates.standard) {
        self.gates = gates.sorted { $0.id < $1.id }
        gatesByID = Dictionary(gates.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    public func gate(_ id: String) -> FeatureGate? { gatesByID[id] }

    /// False for gates that do not exist.
    public func isEnabled(_ id: String) -> Bool {
        guard let gate = gatesByID[id] else { return false }
        return overrides.withLock { $0[id] } ?? gate.isEnabledByDefault
    }

    /// Applies one value of `--feature-gates`: ids separated by commas, `+` or nothing before an id enabling it, `-`
    /// disabling it; the last mention of a gate wins.
    ///
    /// - Returns: Notices for standard output, about gates that will be removed.
    /// - Throws: All errors of the list, joined; what was right in the list has been applied nevertheless.
    @discardableResult
    public func apply(_ list: String) throws -> [String] {
        guard !list.isEmpty else { return [] }
        var notices: [String] = []
        var errors: [any Error] = []
        for (index, item) in list.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            guard let first = item.first else {
                errors.append(CollectorError("empty feature gate identifier at index \(index)"))
                continue
            }
            let hasSign = first == "+" || first == "-"
            do {
                let id = String(hasSign ? item.dropFirst() : item)
                if let notice = try set(id, enabled: first != "-") { notices.append(notice) }
            } catch {
                errors.append(error)
            }
        }
        if let error = JoinedError.joining(errors) { throw error }
        return notices
    }

    private func set(_ id: String, enabled: Bool) throws -> String? {
        guard let gate = gatesByID[id] else {
            let valid = gates.map(\.id).joined(separator: " ")
            throw CollectorError("no such feature gate \"\(id)\". valid gates: [\(valid)]")
        }
        switch (gate.stage, enabled) {
        case (.stable, false):
            throw CollectorError("feature gate \"\(id)\" is stable, can not be disabled")
        case (.deprecated, true):
            throw CollectorError("feature gate \"\(id)\" is deprecated, can not be enabled")
        case (.stable, true), (.deprecated, false):
            let removal = gate.toVersion.map { "will be removed in version \($0)" } ?? "will be removed"
            return "Feature gate \"\(id)\" is \(gate.stage.rawValue.lowercased()); its setting has no effect and "
                + "the gate \(removal)."
        case (.alpha, _), (.beta, _):
            overrides.withLock { $0[id] = enabled }
            return nil
        }
    }
}
