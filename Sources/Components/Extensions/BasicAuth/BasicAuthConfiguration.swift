import Collector

/// What `extensions::basicauth` says: users that a server lets in, or who a client is.
public struct BasicAuthConfiguration: Sendable {
    /// The section `htpasswd`.
    public struct Users: Sendable {
        /// A file as Apache's `htpasswd` writes it; read again when it changes.
        public var file: String?
        /// The same lines in the configuration; they win over the file's.
        public var inline: OpaqueString?
    }

    /// The section `client_auth`. Files win over what is written beside them, and are read again when they change.
    public struct Client: Sendable {
        public var username: String?
        public var usernameFile: String?
        public var password: OpaqueString?
        public var passwordFile: String?
    }

    public var users: Users?
    public var client: Client?

    public init() {}

    public init(_ section: ConfigurationSection) {
        if let users = section.optionalSection("htpasswd") {
            let file = users.string("file")
            let inline = users.opaqueString("inline").flatMap { $0.isEmpty ? nil : $0 }
            if file.isEmpty, inline == nil { users.error(nil, "no credential source provided: set file or inline") }
            self.users = Users(file: file.isEmpty ? nil : file, inline: inline)
            for problem in PasswordFile(inline?.value ?? "").problems { users.error("inline", problem) }
        }
        if let client = section.optionalSection("client_auth") {
            func text(_ key: String) -> String? { client.optionalString(key).flatMap { $0.isEmpty ? nil : $0 } }
            let read = Client(
                username: text("username"), usernameFile: text("username_file"),
                password: client.opaqueString("password").flatMap { $0.isEmpty ? nil : $0 },
                passwordFile: text("password_file"))
            if read.username == nil, read.usernameFile == nil { client.error("username", "no username provided") }
            if read.password == nil, read.passwordFile == nil { client.error("password", "no password provided") }
            if read.username?.contains(":") == true { client.error("username", "must not contain a colon") }
            self.client = read
        }
        if users != nil, client != nil {
            section.error(nil, "only one of `htpasswd` or `client_auth` can be specified")
        }
        if users == nil, client == nil { section.error(nil, "one of `htpasswd` or `client_auth` must be specified") }
    }
}
