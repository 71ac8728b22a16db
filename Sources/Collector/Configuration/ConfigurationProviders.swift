#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Fetches the text behind a URI of one scheme.
public protocol ConfigurationProvider: Sendable {
    var scheme: String { get }
    /// Where the provider's code lives, for the `components` subcommand.
    var moduleName: String { get }
    /// - Parameter opaque: What follows the scheme's colon.
    /// - Throws: An error that names the URI and the cause.
    func retrieve(_ opaque: String) async throws -> RetrievedConfiguration
}

extension ConfigurationProvider {
    public var moduleName: String { String(String(reflecting: Self.self).prefix { $0 != "." }) }
}

public struct RetrievedConfiguration: Sendable {
    public enum Content: Sendable {
        /// YAML, or any text if it does not parse as YAML.
        case text(String)
        /// A text that is a string whatever it looks like.
        case literal(String)
        case null
    }

    public var content: Content
    /// Worth a line in the log, for example that a variable is not set.
    public var notice: ConfigurationNotice?

    public init(_ content: Content, notice: ConfigurationNotice? = nil) {
        self.content = content
        self.notice = notice
    }
}

/// Something that the log should say about where the configuration comes from.
public struct ConfigurationNotice: Sendable, Hashable {
    public var isWarning: Bool
    public var message: String
    public var name: String

    public init(isWarning: Bool, message: String, name: String) {
        self.isWarning = isWarning
        self.message = message
        self.name = name
    }
}

/// A configuration is text written by people; anything larger is a mistake, such as a device.
public let maximumConfigurationBytes = 32 << 20

/// `file:<path>`.
struct FileProvider: ConfigurationProvider {
    static let maximumBytes = maximumConfigurationBytes

    let scheme = "file"

    func retrieve(_ opaque: String) async throws -> RetrievedConfiguration {
        var path = opaque
        // `file:///etc/otel.yml` names the same file as `file:/etc/otel.yml`.
        while path.hasPrefix("//") { path.removeFirst() }
        do {
            return RetrievedConfiguration(.text(try readWholeFile(path, maximumBytes: Self.maximumBytes)))
        } catch {
            throw CollectorError("unable to read the file file:\(opaque): \(error)")
        }
    }
}

/// `env:NAME` and `env:NAME:-default`.
struct EnvironmentProvider: ConfigurationProvider {
    let scheme = "env"
    let environment: @Sendable (String) -> String?

    func retrieve(_ opaque: String) async throws -> RetrievedConfiguration {
        let parts = opaque.split(separator: ":-", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.first.map(String.init) ?? ""
        guard Self.isValid(name) else {
            throw CollectorError(
                "environment variable \"\(name)\" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$")
        }
        guard let value = environment(name) else {
            if parts.count > 1 {
                let fallback = String(parts[1])
                return RetrievedConfiguration(fallback.isEmpty ? .literal("") : .text(fallback))
            }
            let notice = ConfigurationNotice(
                isWarning: true, message: "Configuration references unset environment variable", name: name)
            return RetrievedConfiguration(.null, notice: notice)
        }
        guard !value.isEmpty else {
            let notice = ConfigurationNotice(
                isWarning: false, message: "Configuration references empty environment variable", name: name)
            return RetrievedConfiguration(.null, notice: notice)
        }
        return RetrievedConfiguration(.text(value))
    }

    private static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(48...57).contains(first) else { return false }
        return name.utf8.allSatisfy {
            (97...122).contains($0 | 0x20) || (48...57).contains($0) || $0 == UInt8(ascii: "_")
        }
    }

    static let ofProcess = EnvironmentProvider { name in getenv(name).map { String(cString: $0) } }
}

/// `yaml:<text>`, for `--set` and for values in place.
struct YAMLProvider: ConfigurationProvider {
    let scheme = "yaml"

    func retrieve(_ opaque: String) async throws -> RetrievedConfiguration {
        RetrievedConfiguration(.text(opaque))
    }
}

/// Reads a text file. Blocks.
/// - Throws: `CollectorError` with the operating system's words, or that the file is too large or no UTF-8.
public func readWholeFile(_ path: String, maximumBytes: Int) throws(CollectorError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CollectorError(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            throw CollectorError(String(cString: strerror(errno)))
        }
        if count == 0 { break }
        bytes.append(contentsOf: chunk[..<count])
        guard bytes.count <= maximumBytes else { throw CollectorError("larger than \(maximumBytes) bytes") }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw CollectorError("is not valid UTF-8 text") }
    return text
}
