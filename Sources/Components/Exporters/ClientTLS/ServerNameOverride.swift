/// `tls::server_name_override` over HTTP. The client checks a certificate for the host of the URL, so requests are made
/// to the name that the certificate has, and that name leads to the real host.
public struct ServerNameOverride: Sendable, Equatable {
    /// What the server's certificate is for.
    public var name: String
    /// Where connections lead.
    public var host: String
    /// The URL with the name in place of the host.
    public var url: String
    /// For the field `Host`: the server must see what it was called.
    public var authority: String

    /// Nil for a URL without encryption, whose host nobody checks, and without another name.
    public init?(_ url: String, name: String?) {
        let scheme = url.prefix("https://".count)
        guard let name, scheme.lowercased() == "https://" else { return nil }
        let rest = url.dropFirst(scheme.count)
        let whole = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let address = whole.split(separator: "@", omittingEmptySubsequences: false).last ?? whole
        var port = ""
        if let colon = address.lastIndex(of: ":"), !address[colon...].contains("]") { port = String(address[colon...]) }
        self.name = name
        host = String(address.dropLast(port.count).drop { $0 == "[" }.prefix { $0 != "]" })
        self.url = "\(scheme)\(name)\(port)\(rest.dropFirst(whole.count))"
        authority = String(address)
    }
}
