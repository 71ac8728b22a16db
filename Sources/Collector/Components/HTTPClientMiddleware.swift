/// An extension that has a say in the requests of HTTP clients: `middlewares` of exporters.
public protocol HTTPClientMiddleware: Extension {
    /// Called before each request, after the exporter's own header fields and before those that prove who is calling.
    /// - Parameters:
    ///   - method: In capitals, for example `POST`.
    ///   - url: With its query.
    ///   - headers: May be changed, removed and added to.
    /// - Throws: If the request must not be sent.
    func prepare(method: String, url: String, headers: inout [(name: String, value: String)]) async throws
}

extension Host {
    /// The running extension that an entry of `middlewares` names.
    /// - Throws: `CollectorError` if it is not there, or is no middleware of HTTP clients.
    public func httpClientMiddleware(_ id: ComponentID) throws -> any HTTPClientMiddleware {
        guard let found = runningExtension(id) else {
            throw CollectorError(
                "failed to resolve middleware \"\(id)\": middleware not found; it must be configured and listed in "
                    + "service::extensions")
        }
        guard let middleware = found as? any HTTPClientMiddleware else {
            throw CollectorError("requested extension \"\(id)\" is not an HTTP client middleware")
        }
        return middleware
    }
}
