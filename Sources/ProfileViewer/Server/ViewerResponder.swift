import CProfileViewerPage
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ProfileStore

/// Answers the page's files and the API. Only `GET` and `HEAD`; nothing changes anything.
struct ViewerResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    private let api: ViewerAPI
    private let hosts: HostPolicy
    private let files: [String: PageFile]
    private let logger: Logger

    private struct PageFile {
        var contentType: String
        var content: ByteBuffer
    }

    init(store: ProfileStore, configuration: ViewerConfiguration, logger: Logger) {
        api = ViewerAPI(store: store)
        hosts = HostPolicy(configuration)
        self.logger = logger
        var files: [String: PageFile] = [:]
        var next = profile_viewer_page_files()
        while let file = next?.pointee, let path = file.path, let type = file.content_type {
            let bytes = UnsafeBufferPointer(start: file.bytes, count: file.size)
            files[String(cString: path)] = PageFile(
                contentType: String(cString: type), content: ByteBuffer(bytes: bytes))
            next = next?.advanced(by: 1)
        }
        self.files = files
    }

    func respond(to request: Request, context: Context) async throws -> Response {
        var response = await answer(request)
        for (name, value) in Self.securityHeaders { response.headers[name] = value }
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request) async -> Response {
        guard hosts.allows(request.head.authority) else {
            return Self.problem(
                .misdirectedRequest,
                "the host name of this address is not allowed; use localhost or an IP address, or list the name in "
                    + "`allowed_hosts`")
        }
        guard request.method == .get || request.method == .head else {
            var response = Self.problem(.methodNotAllowed, "only GET is possible")
            response.headers[.allow] = "GET, HEAD"
            return response
        }
        let path = request.uri.path.drop { $0 == "/" }
        if let file = files[String(path)] {
            var headers: HTTPFields = [.contentType: file.contentType]
            // A new version of the program brings new files under the same names.
            headers[.cacheControl] = "no-cache"
            return Response(status: .ok, headers: headers, body: .init(byteBuffer: file.content))
        }
        guard path.hasPrefix("api/v1/") else { return Self.problem(.notFound, "there is nothing here") }
        do {
            let query = try ViewerQuery(request.uri)
            guard let content = try await api.answer(String(path.dropFirst("api/v1/".count)), query) else {
                return Self.problem(.notFound, "the API has no \(path)")
            }
            return Response(
                status: .ok,
                headers: [.contentType: content.type, .cacheControl: "no-store"],
                body: .init(byteBuffer: content.body))
        } catch let error as QueryError {
            return Self.problem(.badRequest, error.description)
        } catch let error as StoreError {
            if case .tooLarge = error { return Self.problem(.contentTooLarge, error.description) }
            return Self.problem(.serviceUnavailable, error.description)
        } catch {
            logger.error("profile viewer could not answer", metadata: ["path": "\(path)", "error": "\(error)"])
            return Self.problem(.internalServerError, "the store could not be read; the collector's log says why")
        }
    }

    private static func problem(_ status: HTTPResponse.Status, _ text: String) -> Response {
        let body = (try? JSONEncoder().encode(["error": text])) ?? Data()
        return Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// Nothing but this server's own files and answers may be loaded, and nobody may frame or read the page.
    private static let securityHeaders: [(HTTPField.Name, String)] = {
        var headers: [(HTTPField.Name, String)] = [
            (
                .contentSecurityPolicy,
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                    + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            ),
            (.xContentTypeOptions, "nosniff"),
        ]
        let others = [
            ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
        ]
        for (name, value) in others {
            if let field = HTTPField.Name(name) { headers.append((field, value)) }
        }
        return headers
    }()
}
