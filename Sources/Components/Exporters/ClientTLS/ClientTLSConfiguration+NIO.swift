import Collector
import ExporterSupport
import NIOSSL

extension ClientTLSConfiguration {
    /// Reads the files that are configured.
    /// - Throws: `CollectorError` that names the file.
    public func nioTLS() throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        // A connection is closed when every request has had its answer, so nothing is lost by not waiting for the
        // server's close_notify (RFC 8446, section 6.1), and gRPC's own server never sends it.
        tls.shutdownTimeout = .milliseconds(100)
        if let certificateAuthority {
            let certificates = try certificateAuthority.certificates("CA certificate")
            tls.trustRoots = includesSystemAuthorities ? .default : .certificates(certificates)
            if includesSystemAuthorities { tls.additionalTrustRoots = [.certificates(certificates)] }
        } else if !skipsVerification, Self.systemAuthorities == nil {
            throw CollectorError("no CA certificates are installed; install them or set tls::ca_file")
        }
        if let certificate, let key {
            tls.certificateChain = try certificate.certificates("certificate").map { .certificate($0) }
            tls.privateKey = .privateKey(try key.privateKey())
        }
        if skipsVerification { tls.certificateVerification = .none }
        tls.minimumTLSVersion = minimumVersion.nioVersion
        tls.maximumTLSVersion = maximumVersion?.nioVersion
        if !cipherSuites.isEmpty { tls.cipherSuiteValues = cipherSuites.map { NIOTLSCipher($0) } }
        if !curves.isEmpty { tls.curves = curves.map { NIOTLSCurve($0) } }
        return tls
    }
}

extension ClientTLSConfiguration.Version {
    public var nioVersion: TLSVersion {
        switch self {
        case .tls10: .tlsv1
        case .tls11: .tlsv11
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
    }
}

extension ClientTLSConfiguration.Source {
    /// Reads the file, if it is one, and blocks for that.
    /// - Parameter what: What the certificates are, for messages.
    /// - Throws: `CollectorError` that names the file.
    public func certificates(_ what: String) throws -> [NIOSSLCertificate] {
        do {
            return switch self {
            case .file(let path): try NIOSSLCertificate.fromPEMFile(path)
            case .pem(let text): try NIOSSLCertificate.fromPEMBytes(Array(text.value.utf8))
            }
        } catch {
            throw CollectorError("cannot read the \(what) \(name): \(error)")
        }
    }

    /// Reads the file, if it is one, and blocks for that.
    /// - Throws: `CollectorError` that names the file.
    public func privateKey() throws -> NIOSSLPrivateKey {
        do {
            return switch self {
            case .file(let path): try NIOSSLPrivateKey(file: path, format: .pem)
            case .pem(let text): try NIOSSLPrivateKey(bytes: Array(text.value.utf8), format: .pem)
            }
        } catch {
            throw CollectorError("cannot read the private key \(name): \(error)")
        }
    }

    private var name: String {
        switch self {
        case .file(let path): path
        case .pem: "given in PEM"
        }
    }
}
