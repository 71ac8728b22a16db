import CLiveSupport
import Glibc

/// A new empty folder, removed with all its content when the last reference to it goes.
public final class TemporaryFolder: Sendable {
    /// Without a trailing slash.
    public let path: String

    public init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/otelcol-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp in \(base)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    public func path(of name: String) -> String { "\(path)/\(name)" }

    deinit {
        live_remove_tree(path)
    }
}

/// A system call's failure, with what was being done.
public struct SystemError: Error, CustomStringConvertible {
    public let what: String
    public let code: Int32

    public init(_ what: String, code: Int32 = errno) {
        self.what = what
        self.code = code
    }

    public var description: String { "\(what): \(String(cString: strerror(code)))" }
}
