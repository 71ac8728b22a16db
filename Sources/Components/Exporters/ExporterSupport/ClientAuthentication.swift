import Collector

/// The section `auth` of a client: which extension proves who is calling.
public struct ClientAuthentication: Sendable, Equatable {
    public var authenticator: ComponentID

    public init(authenticator: ComponentID) {
        self.authenticator = authenticator
    }

    /// Nil if the section is not there.
    public init?(_ section: ConfigurationSection) {
        guard let auth = section.optionalSection("auth") else { return nil }
        guard let id = auth.componentID("authenticator") else {
            auth.error("authenticator", "requires the id of an extension")
            return nil
        }
        authenticator = id
    }

    /// - Throws: `CollectorError` if the extension does not run, or is for servers.
    public func resolved(by host: any Host) throws -> any ClientAuthenticator {
        try host.clientAuthenticator(authenticator)
    }
}
