import Collector
import OTTL

/// The processor's keys, as conditions per signal.
public struct FilterConfiguration: Sendable {
    /// From the outermost context to the innermost, so that what is within what is dropped is not looked at.
    var steps: [Signal: [OTTLConditions]] = [:]

    init(_ section: ConfigurationSection) {
        let errorMode = section.errorMode(default: .propagate)
        for (signal, word) in [(Signal.traces, "trace"), (.metrics, "metric"), (.logs, "log"), (.profiles, "profile")] {
            let nested = Self.nested(section, signal, errorMode)
            let key = "\(word)_conditions"
            let flat = Self.flat(section, key, signal, errorMode)
            if section.isSet(key), section.isSet(signal.rawValue) {
                section.error(key, "and \"\(signal.rawValue)\" say the same in two ways; keep one")
            }
            let order = OTTLContext.contexts(of: signal)
            let all = nested + flat
            steps[signal] = order.flatMap { context in all.filter { $0.context == context } }
        }
    }

    /// `trace_conditions: […]`: each condition runs for the innermost context that it names.
    private static func flat(
        _ section: ConfigurationSection, _ key: String, _ signal: Signal, _ errorMode: OTTLErrorMode
    ) -> [OTTLConditions] {
        section.textsAndSections(key).flatMap { item -> [OTTLConditions] in
            switch item {
            case .texts(let texts):
                texts.compactMap { text in
                    OTTLConditions([text], signal: signal, errorMode: errorMode) { section.error(key, "\($0)") }
                }
            case .section(let group):
                conditions(of: group, signal, errorMode)
            }
        }
    }

    private static func conditions(
        of group: ConfigurationSection, _ signal: Signal, _ errorMode: OTTLErrorMode
    ) -> [OTTLConditions] {
        let context = group.ottlContext(of: signal)
        let mode = group.errorMode(default: errorMode)
        return group.strings("conditions").compactMap { text in
            OTTLConditions(
                [text], signal: signal, context: context, allowsShortPaths: context != nil, errorMode: mode
            ) { group.error("conditions", "\($0)") }
        }
    }

    /// `traces: {span: […]}`: the older form, in which the key says the context and paths may leave it out.
    private static func nested(
        _ section: ConfigurationSection, _ signal: Signal, _ errorMode: OTTLErrorMode
    ) -> [OTTLConditions] {
        let child = section.section(signal.rawValue)
        return OTTLContext.contexts(of: signal).compactMap { context -> OTTLConditions? in
            let key = context == .log ? "log_record" : context == .profilesample ? "sample" : context.rawValue
            let texts = child.strings(key)
            guard !texts.isEmpty else { return nil }
            return OTTLConditions(
                texts, signal: signal, context: context, allowsShortPaths: true, errorMode: errorMode
            ) { child.error(key, "\($0)") }
        }
    }
}
