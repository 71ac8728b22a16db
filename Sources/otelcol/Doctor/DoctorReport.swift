import Engine

/// One line of what `doctor` prints.
struct DoctorLine: Sendable, CustomStringConvertible {
    enum Verdict: String, Sendable {
        case ok
        case warning
        case missing
    }

    var verdict: Verdict
    var name: String
    /// What was found, or what is wrong and what to do about it.
    var text: String

    init(_ verdict: Verdict, _ name: String, _ text: String) {
        self.verdict = verdict
        self.name = name
        // One line each, whatever a back end answers.
        self.text = text.split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    init(_ check: HostCheck) {
        switch check.outcome {
        case .fine(let text): self.init(.ok, check.name, text)
        case .lacking(let text): self.init(.warning, check.name, text)
        case .missing(let text): self.init(.missing, check.name, text)
        }
    }

    var description: String {
        let head = verdict.rawValue + String(repeating: " ", count: max(1, 9 - verdict.rawValue.count))
        return "\(head)\(name): \(text)"
    }
}
