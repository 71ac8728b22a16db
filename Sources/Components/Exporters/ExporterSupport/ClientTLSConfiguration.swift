import Collector
import Glibc

/// The keys of a `tls` section of a client.
public struct ClientTLSConfiguration: Sendable, Equatable {
    /// A file's path, or the content itself in PEM.
    public enum Source: Sendable, Equatable {
        case file(String)
        case pem(OpaqueString)
    }

    public enum Version: String, Sendable, CaseIterable, Comparable {
        case tls10 = "1.0"
        case tls11 = "1.1"
        case tls12 = "1.2"
        case tls13 = "1.3"

        public static func < (left: Version, right: Version) -> Bool { left.rawValue < right.rawValue }
    }

    /// No TLS at all, unless a certificate authority is configured.
    public var isInsecure = false
    /// The server's certificate is not verified.
    public var skipsVerification = false
    /// Nil: the endpoint's host.
    public var serverName: String?
    public var certificateAuthority: Source?
    /// The system's certificate authorities are trusted beside `certificateAuthority`.
    public var includesSystemAuthorities = false
    /// Certificate and key come together.
    public var certificate: Source?
    public var key: Source?
    public var minimumVersion = Version.tls12
    public var maximumVersion: Version?
    /// Numbers of IANA's registry; empty for the library's choice.
    public var cipherSuites: [UInt16] = []
    /// As `cipherSuites`.
    public var curves: [UInt16] = []
    /// Files are read again that often; nil for never.
    public var reloadInterval: Duration?

    public init() {}

    /// True if connections are to be encrypted.
    public var usesTLS: Bool { !isInsecure || certificateAuthority != nil }

    public init(_ section: ConfigurationSection) {
        isInsecure = section.boolean("insecure", default: false)
        skipsVerification = section.boolean("insecure_skip_verify", default: false)
        serverName = section.optionalString("server_name_override").flatMap { $0.isEmpty ? nil : $0 }
        certificateAuthority = Self.source(section, "ca")
        includesSystemAuthorities = section.boolean("include_system_ca_certs_pool", default: false)
        certificate = Self.source(section, "cert")
        key = Self.source(section, "key")
        if (certificate == nil) != (key == nil) {
            section.error(nil, "TLS configuration must include both certificate and key, or neither")
        }
        minimumVersion = Self.version(section, "min_version") ?? .tls12
        maximumVersion = Self.version(section, "max_version")
        if let maximumVersion, maximumVersion < minimumVersion {
            section.error("max_version", "must not be less than min_version")
        }
        cipherSuites = TLSNames.readCipherSuites(section)
        curves = TLSNames.readCurves(section)
        reloadInterval = section.optionalDuration("reload_interval", in: .zero ... .longest).flatMap {
            $0 > .zero ? $0 : nil
        }
        Self.refuseTPM(section)
    }

    /// Keys in a TPM cannot be used; a section that is not enabled does no harm.
    public static func refuseTPM(_ section: ConfigurationSection) {
        guard let tpm = section.optionalSection("tpm", .onByDefault), section.isSet("tpm") else { return }
        if tpm.boolean("enabled", default: false) { section.error("tpm", "is not supported") }
        for key in ["path", "auth", "owner_auth"] { _ = tpm.node(key) }
    }

    private static func source(_ section: ConfigurationSection, _ name: String) -> Source? {
        let file = section.string("\(name)_file")
        let pem = section.opaqueString("\(name)_pem")
        let hasPEM = pem.map { !$0.isEmpty } ?? false
        if !file.isEmpty, hasPEM {
            section.error("\(name)_pem", "and \(name)_file exclude each other")
        }
        if !file.isEmpty { return .file(file) }
        guard hasPEM, let pem else { return nil }
        return .pem(pem)
    }

    private static func version(_ section: ConfigurationSection, _ key: String) -> Version? {
        guard let text = section.optionalString(key), !text.isEmpty else { return nil }
        if let version = Version(rawValue: text) { return version }
        let valid = Version.allCases.map(\.rawValue).joined(separator: ", ")
        section.error(key, "unsupported TLS version \"\(text)\" (valid values: [\(valid)])")
        return nil
    }
}


extension ClientTLSConfiguration {
    /// The file in which the distribution keeps the certificate authorities that it trusts.
    public static var systemAuthorities: String? {
        [
            "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
        ].first { access($0, R_OK) == 0 }
    }
}
