import Collector
import ExporterSupport
import GRPCNIOTransportHTTP2Posix

extension ClientTLSConfiguration {
    /// - Throws: If a file that is needed does not exist.
    func grpcTLS() throws -> HTTP2ClientTransport.Posix.TransportSecurity.TLS {
        var trustRoots = TLSConfig.TrustRootsSource.systemDefault
        if let certificateAuthority {
            var sources = [certificateAuthority.certificate]
            if includesSystemAuthorities, let bundle = Self.systemAuthorities {
                sources.append(.file(path: bundle, format: .pem))
            }
            trustRoots = .certificates(sources)
        }
        return .defaults { tls in
            tls.trustRoots = trustRoots
            if let certificate, let key {
                tls.certificateChain = [certificate.certificate]
                tls.privateKey = key.privateKey
            }
            tls.serverCertificateVerification = skipsVerification ? .noVerification : .fullVerification
        }
    }
}

extension ClientTLSConfiguration.Source {
    fileprivate var certificate: TLSConfig.CertificateSource {
        switch self {
        case .file(let path): .file(path: path, format: .pem)
        case .pem(let text): .bytes(Array(text.value.utf8), format: .pem)
        }
    }

    fileprivate var privateKey: TLSConfig.PrivateKeySource {
        switch self {
        case .file(let path): .file(path: path, format: .pem)
        case .pem(let text): .bytes(Array(text.value.utf8), format: .pem)
        }
    }
}
