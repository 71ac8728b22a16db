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
