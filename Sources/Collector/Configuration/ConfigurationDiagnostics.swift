/// One thing that is wrong, or merely worth saying, about a configuration.
public struct ConfigurationIssue: Error, Sendable, Hashable, CustomStringConvertible {
    /// Keys and list indices from the top, joined by `::`; empty for the whole.
    public var path: String
    public var message: String
    public var location: SourceLocation?

    public init(path: String, message: String, location: SourceLocation? = nil) {
        self.path = path
        self.message = message
        self.location = location
    }

    public var description: String {
        let text = path.isEmpty ? message : "\(path): \(message)"
        return location.map { "\(text) (\($0))" } ?? text
    }
}

/// All errors and warnings of one configuration, in the order in which they were found.
public final class ConfigurationDiagnostics {
    public private(set) var errors: [ConfigurationIssue] = []
    public private(set) var warnings: [ConfigurationIssue] = []
    /// Where secrets stand: values that must never be printed.
    private(set) var opaquePaths: Set<String> = []

    public init() {}

    public func error(_ issue: ConfigurationIssue) {
        if !errors.contains(issue) { errors.append(issue) }
    }

    func markOpaque(_ path: String) { opaquePaths.insert(path) }

    public func warning(_ issue: ConfigurationIssue) {
        if !warnings.contains(issue) { warnings.append(issue) }
    }
}
