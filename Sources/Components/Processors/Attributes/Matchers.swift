import Collector
import OTLP
import ProcessorSupport
import RegularExpressions

enum MatchType: String, CaseIterable, Sendable {
    case strict
    case regexp
}

/// A text that must be met exactly, or a regular expression that must be found somewhere in it.
enum TextMatcher: Sendable {
    case exactly(String)
    case pattern(RegularExpression)

    /// nil, with an error reported, if the text is no regular expression and must be.
    init?(_ text: String, _ type: MatchType, _ section: ConfigurationSection, _ key: String) {
        guard type == .regexp else {
            self = .exactly(text)
            return
        }
        do {
            self = .pattern(try RegularExpression(text))
        } catch {
            section.error(key, "\"\(text)\": \(error)")
            return nil
        }
    }

    func matches(_ text: String) -> Bool {
        switch self {
        case .exactly(let own): own == text
        case .pattern(let pattern): pattern.matches(text)
        }
    }
}

/// What an attribute's value must be: with `strict` the same value of the same type, with `regexp` a scalar whose text
/// the expression matches.
enum ValueMatcher: Sendable {
    case equal(OTLPAnyValue)
    case text(TextMatcher)

    /// nil for null: any value will do; nil too, with an error reported, where an expression is wrong.
    init?(_ node: ConfigurationNode, _ type: MatchType, _ section: ConfigurationSection) {
        guard !node.isNull else { return nil }
        guard type == .regexp else {
            self = .equal(OTLPAnyValue(node))
            return
        }
        guard case .string(let text) = node.value else {
            section.error("value", "with match_type regexp must be a regular expression in quotes")
            return nil
        }
        guard let matcher = TextMatcher(text, type, section, "value") else { return nil }
        self = .text(matcher)
    }

    func matches(_ value: OTLPAnyValue) -> Bool {
        switch (self, value.value) {
        case (.equal(let own), _): own == value
        case (.text(let matcher), .stringValue?), (.text(let matcher), .intValue?), (.text(let matcher), .boolValue?),
            (.text(let matcher), .doubleValue?):
            matcher.matches(value.text)
        case (.text, _): false
        }
    }
}
