import Collector
import OTTL

/// The processor's keys, as groups of statements per signal.
public struct TransformConfiguration: Sendable {
    /// In the order written.
    var groups: [Signal: [OTTLStatements]] = [:]

    init(_ section: ConfigurationSection) {
        let errorMode = section.errorMode(default: .ignore)
        for (signal, word) in [(Signal.traces, "trace"), (.metrics, "metric"), (.logs, "log"), (.profiles, "profile")] {
            let key = "\(word)_statements"
            groups[signal] = section.textsAndSections(key).compactMap { item in
                switch item {
                case .texts(let texts):
                    texts.isEmpty
                        ? nil
                        : OTTLStatements(texts, signal: signal, errorMode: errorMode) { section.error(key, "\($0)") }
                case .section(let group): Self.statements(of: group, signal, errorMode)
                }
            }
        }
    }

    private static func statements(
        of group: ConfigurationSection, _ signal: Signal, _ errorMode: OTTLErrorMode
    ) -> OTTLStatements? {
        let context = group.ottlContext(of: signal)
        let mode = group.errorMode(default: errorMode)
        let conditions = group.strings("conditions")
        let statements = group.strings("statements")
        if statements.isEmpty { group.error(nil, "needs \"statements\"") }
        return OTTLStatements(
            statements, conditions: conditions, signal: signal, context: context, allowsShortPaths: context != nil,
            errorMode: mode
        ) { group.error("statements", "\($0)") }
    }
}
