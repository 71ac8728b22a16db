import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Says why a request got no answer, and which setting may help.
public func connectionFailureText(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
        var reasons = error.connectionErrors.map { "\($0.target): \($0.error)" }
        if reasons.isEmpty { reasons = [error.dnsAError, error.dnsAAAAError].compactMap { $0.map { "\($0)" } } }
        return "cannot connect to \(error.host):\(error.port): \(reasons.joined(separator: "; "))"
    case let error as NIOSSLError:
        let text = "TLS handshake failed: \(error)"
        guard text.contains("CERTIFICATE_VERIFY_FAILED") else { return text }
        return text + "; no trusted authority has signed the server's certificate: set tls::ca_file"
    case is NIOSSLExtraError:
        return "\(error); the server's certificate is for another host"
    default:
        return "\(error)"
    }
}

/// True where the error says that no connection came about, so that no request can have reached the server.
public func isFailureToConnect(_ error: any Error) -> Bool {
    switch error {
    case is NIOConnectionError, is NIOSSLExtraError: true
    case let error as NIOSSLError:
        // Only an established connection can be shut down uncleanly, and only one with data can meet bad records.
        switch error {
        case .handshakeFailed, .noCertificateToValidate, .unableToValidateCertificate, .cannotMatchULabel,
            .cannotFindPeerIP:
            true
        default: false
        }
    case let error as IOError:
        [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL].contains(error.errnoCode)
    default: false
    }
}
