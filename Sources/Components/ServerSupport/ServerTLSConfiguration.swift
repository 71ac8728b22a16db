import Collector
import ExporterSupport
import NIOSSL

/// The keys of a `tls` section of a server.
public struct ServerTLSConfiguration: Sendable, Equatable {
    public typealias Source = ClientTLSConfiguration.Source
    public typealias Version = ClientTLSConfiguration.Version

    public var certificate: Source
    public var key: Source
    /// Clients must show a certificate that one of these has signed.
    public var clientAuthority: Source?
    /// `clientAuthority` is read again when it changes, whatever `reloadInterval` is.
    public var reloadsClientAuthority = false
    /// Certificate and key are read again that often; nil for never.
    public var reloadInterval: Duration?
    public var minimumVersion = Version.tls12
    public var maximumVersion: Version?
    /// Numbers of IANA's registry; empty for the library's choice.
    public var cipherSuites: [UInt16] = []
    public var curves: [UInt16] = []

    public init(certificate: Source, key: Source) {
        self.certificate = certificate
        self.key = key
    }

    public init(_ section: ConfigurationSection) {
        let certificate = Self.source(section, "cert")
        let key = Self.source(section, "key")
        if certificate == nil || key == nil {
            section.error(nil, "TLS configuration must include both certificate and key for a server")
        }
        self.certificate = certificate ?? .file("")
        self.key = key ?? .file("")
        // A server verifies clients by `client_ca_file` alone.
        _ = Self.source(section, "ca")
        _ = section.boolean("include_system_ca_certs_pool", default: false)
        let authority = section.string("client_ca_file")
        clientAuthority = authority.isEmpty ? nil : .file(authority)
        reloadsClientAuthority = section.boolean("client_ca_file_reload", default: false)
        reloadInterval = section.optionalDuration("reload_interval", in: .zero ... .longest).flatMap {
            $0 > .zero ? $0 : nil
        }
        minimumVersion = Self.version(section, "min_version") ?? .tls12
        maximumVersion = Self.version(section, "max_version")
        if let maximumVersion, maximumVersion < minimumVersion {
            section.error("max_version", "must not be less than min_version")
        }
        cipherSuites = TLSNames.readCipherSuites(section)
        curves = TLSNames.readCurves(section)
        ClientTLSConfiguration.refuseTPM(section)
    }

    private static func source(_ section: ConfigurationSection, _ name: String) -> Source? {
        let file = section.string("\(name)_file")
        let pem = section.opaqueString("\(name)_pem").flatMap { $0.isEmpty ? nil : $0 }
        if !file.isEmpty, pem != nil { section.error("\(name)_pem", "and \(name)_file exclude each other") }
        return file.isEmpty ? pem.map { .pem($0) } : .file(file)
    }

    private static func version(_ section: ConfigurationSection, _ key: String) -> Version? {
        guard let text = section.optionalString(key), !text.isEmpty else { return nil }
        if let version = Version(rawValue: text) { return version }
        let valid = Version.allCases.map(\.rawValue).joined(separator: ", ")
        section.error(key, "unsupported TLS version \"\(text)\" (valid values: [\(valid)])")
        return nil
    }
}
