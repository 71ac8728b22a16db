import Collector

/// Cipher suites and curves by the names that configurations use.
public enum TLSNames {
    /// Suites up to TLS 1.2 that have forward secrecy, by the numbers of IANA's registry.
    public static let cipherSuites: [String: UInt16] = [
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": 0xc02c,
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": 0xc02f, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": 0xc030,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": 0xcca8,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": 0xcca9,
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": 0xc009, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": 0xc00a,
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": 0xc013, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": 0xc014,
    ]

    /// Suites without forward secrecy: only with `include_insecure_cipher_suites`.
    public static let insecureCipherSuites: [String: UInt16] = [
        "TLS_RSA_WITH_AES_128_GCM_SHA256": 0x009c, "TLS_RSA_WITH_AES_256_GCM_SHA384": 0x009d,
        "TLS_RSA_WITH_AES_128_CBC_SHA": 0x002f, "TLS_RSA_WITH_AES_256_CBC_SHA": 0x0035,
    ]

    /// Those of TLS 1.3 are always on; naming them changes nothing.
    static let alwaysOn: Set<String> = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    ]

    /// Numbers of IANA's registry of supported groups.
    public static let curves: [String: UInt16] = [
        "P256": 23, "P384": 24, "P521": 25, "X25519": 29, "X25519MLKEM768": 4588,
    ]

    /// Reads `cipher_suites` and `include_insecure_cipher_suites`.
    /// - Returns: Numbers; empty for the library's own choice.
    public static func readCipherSuites(_ section: ConfigurationSection) -> [UInt16] {
        let takesInsecure = section.boolean("include_insecure_cipher_suites", default: false)
        let names = section.strings("cipher_suites")
        var known = cipherSuites
        if takesInsecure { known.merge(insecureCipherSuites) { first, _ in first } }
        var numbers: [UInt16] = []
        for name in names where !alwaysOn.contains(name) {
            if let number = known[name] {
                numbers.append(number)
            } else if insecureCipherSuites[name] != nil {
                section.error("cipher_suites", "\(name) needs include_insecure_cipher_suites: true")
            } else {
                section.error("cipher_suites", "unknown value \"\(name)\" (valid values: [\(list(known.keys))])")
            }
        }
        if names.isEmpty, takesInsecure { return known.values.sorted() }
        return numbers
    }

    /// Reads `curve_preferences`.
    public static func readCurves(_ section: ConfigurationSection) -> [UInt16] {
        section.strings("curve_preferences").compactMap { name in
            if let number = curves[name] { return number }
            section.error("curve_preferences", "unknown value \"\(name)\" (valid values: [\(list(curves.keys))])")
            return nil
        }
    }

    private static func list(_ names: some Sequence<String>) -> String { names.sorted().joined(separator: ", ") }
}
