import Foundation

/// An image's name as a pod's specification has it: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`
/// (https://github.com/distribution/reference).
struct ImageReference: Sendable, Equatable {
    var name: String
    var tag: String?
    /// With its algorithm, for example `sha256:…`.
    var digest: String?

    /// Nil if the text has no name, or whitespace in it.
    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 4096, !text.contains(where: \.isWhitespace) else { return nil }
        var rest = text[...]
        if let at = rest.firstIndex(of: "@") {
            let digest = rest[rest.index(after: at)...]
            guard digest.contains(":") else { return nil }
            self.digest = String(digest)
            rest = rest[..<at]
        }
        // A colon before the last slash belongs to the host's port.
        let pathStart = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[pathStart...].firstIndex(of: ":") {
            let tag = rest[rest.index(after: colon)...]
            guard !tag.isEmpty else { return nil }
            self.tag = String(tag)
            rest = rest[..<colon]
        }
        guard !rest.isEmpty, !rest.hasSuffix("/") else { return nil }
        name = String(rest)
    }

    /// What a runtime takes where neither tag nor digest is given.
    var effectiveTag: String? { tag ?? (digest == nil ? "latest" : nil) }

    /// `service.version` by the semantic conventions for Kubernetes: tag and digest, or the one that there is.
    var version: String? {
        guard let digest else { return tag }
        return tag.map { "\($0)@\(digest)" } ?? digest
    }

    /// The repository digest in the image id that a runtime reports; nil where that is only a local id.
    static func repositoryDigest(ofImageID text: String) -> String? {
        var text = text[...]
        if let scheme = text.range(of: "://") { text = text[scheme.upperBound...] }
        guard let reference = ImageReference(String(text)), let digest = reference.digest else { return nil }
        return "\(reference.name)@\(digest)"
    }
}
