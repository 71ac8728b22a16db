/// An extension that proves to a server who is calling: the `auth::authenticator` of exporters.
public protocol ClientAuthenticator: Extension {
    /// The header fields that one request carries. Asked for every request: tokens change.
    /// - Throws: If there is no valid credential at the moment.
    func requestHeaders() async throws -> [(name: String, value: String)]
}

/// An extension that decides who may send: the `auth::authenticator` of receivers.
public protocol ServerAuthenticator: Extension {
    /// The value of `WWW-Authenticate` in a refusal (RFC 9110, section 11.6.1).
    var challenge: String { get }

    /// - Parameter headers: Names in lowercase.
    /// - Returns: What is known of the caller, for `from_context: auth.<name>`.
    /// - Throws: `AuthenticationFailure`.
    func authenticate(headers: [String: [String]]) async throws -> [String: String]
}

/// A request without the right credentials. The text goes to the caller: it must say nothing about valid ones.
public struct AuthenticationFailure: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// Nobody can tell at the moment whether the credentials are right. Callers are asked to try again later.
public struct AuthenticationUnavailable: Error, Sendable, CustomStringConvertible {
    public let description: String
    /// How long they should wait; nil for their own choice.
    public let retryDelay: Duration?

    public init(_ description: String, retryDelay: Duration? = nil) {
        self.description = description
        self.retryDelay = retryDelay
    }
}

extension Host {
    /// The running extension that `auth::authenticator` names.
    /// - Throws: `CollectorError` if it is not there, or is for the other side of a connection.
    public func clientAuthenticator(_ id: ComponentID) throws -> any ClientAuthenticator {
        guard let found = runningExtension(id) else { throw Self.notFound(id) }
        guard let authenticator = found as? any ClientAuthenticator else {
            throw CollectorError("requested authenticator \"\(id)\" is not a client authenticator")
        }
        return authenticator
    }

    /// As `clientAuthenticator`, for receivers.
    public func serverAuthenticator(_ id: ComponentID) throws -> any ServerAuthenticator {
        guard let found = runningExtension(id) else { throw Self.notFound(id) }
        guard let authenticator = found as? any ServerAuthenticator else {
            throw CollectorError("requested authenticator \"\(id)\" is not a server authenticator")
        }
        return authenticator
    }

    private static func notFound(_ id: ComponentID) -> CollectorError {
        CollectorError(
            "failed to resolve authenticator \"\(id)\": authenticator not found; it must be configured and listed in "
                + "service::extensions")
    }
}

/// What is known of the request that a batch came with, for the pipeline that runs in the request's own task. Queues
/// and batches end it, but for the header fields that they are told to keep.
public struct RequestContext: Sendable {
    /// The peer's address without its port; nil for local sockets.
    public var clientAddress: String?
    /// Header fields, names in lowercase; empty unless the receiver is told `include_metadata`.
    public var metadata: [String: [String]]
    /// What the authenticator knows of the caller.
    public var authentication: [String: String]

    public init(
        clientAddress: String? = nil, metadata: [String: [String]] = [:], authentication: [String: String] = [:]
    ) {
        self.clientAddress = clientAddress
        self.metadata = metadata
        self.authentication = authentication
    }

    @TaskLocal public static var current: RequestContext?
}

/// Compares without ending early at the first difference.
public func isEqualInConstantTime(_ left: String, _ right: String) -> Bool {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    var difference = left.count ^ right.count
    for index in left.indices {
        difference |= Int(left[index] ^ (right.isEmpty ? 0 : right[index % right.count]))
    }
    return difference == 0
}
