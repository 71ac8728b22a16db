import Foundation

/// What is read of the API's objects (https://kubernetes.io/docs/reference/kubernetes-api/). Everything may be missing:
/// metadata-only requests, bookmarks and newer versions leave out or null what others have.
protocol APIObject: Decodable, Sendable {
    var metadata: ObjectMetadata { get }
}

struct ObjectMetadata: Decodable, Sendable {
    struct Owner: Decodable, Sendable {
        var kind: String?
        var name: String?
        var uid: String?
        var controller: Bool?
    }

    var name: String?
    var namespace: String?
    var uid: String?
    var resourceVersion: String?
    /// RFC 3339, in UTC with seconds.
    var creationTimestamp: String?
    var labels: [String: String]?
    var annotations: [String: String]?
    var ownerReferences: [Owner]?
}

/// Any object of which only the metadata counts.
struct MetadataObject: APIObject {
    var metadata: ObjectMetadata
}

struct PodObject: APIObject {
    struct Container: Decodable, Sendable {
        var name: String?
        var image: String?
    }

    struct Spec: Decodable, Sendable {
        var nodeName: String?
        var hostname: String?
        var hostNetwork: Bool?
        var containers: [Container]?
        var initContainers: [Container]?
        var ephemeralContainers: [Container]?
    }

    struct Address: Decodable, Sendable {
        var ip: String?
    }

    struct Terminated: Decodable, Sendable {
        var containerID: String?
    }

    struct ContainerState: Decodable, Sendable {
        var terminated: Terminated?
    }

    struct ContainerStatus: Decodable, Sendable {
        var name: String?
        /// `RUNTIME://ID`; empty before the container is made.
        var containerID: String?
        var imageID: String?
        var restartCount: Int?
        var lastState: ContainerState?
    }

    struct Status: Decodable, Sendable {
        var podIP: String?
        var podIPs: [Address]?
        var startTime: String?
        var containerStatuses: [ContainerStatus]?
        var initContainerStatuses: [ContainerStatus]?
        var ephemeralContainerStatuses: [ContainerStatus]?
    }

    var metadata: ObjectMetadata
    var spec: Spec?
    var status: Status?
}

/// The body of errors, and the object of watch events of type ERROR.
struct APIStatus: Decodable, Sendable {
    var code: Int?
    var reason: String?
    var message: String?
}

/// One page of a list. Objects that cannot be read are left out, and counted.
struct ObjectList<Object: APIObject>: Decodable, Sendable {
    struct ListMetadata: Decodable, Sendable {
        var resourceVersion: String?
        var `continue`: String?
    }

    private struct Item: Decodable {
        var object: Object?

        init(from decoder: any Decoder) { object = try? Object(from: decoder) }
    }

    private enum Key: String, CodingKey {
        case metadata, items
    }

    var metadata: ListMetadata
    var objects: [Object]
    var unreadable: Int

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        metadata = try container.decode(ListMetadata.self, forKey: .metadata)
        let items = try container.decodeIfPresent([Item].self, forKey: .items) ?? []
        objects = items.compactMap(\.object)
        unreadable = items.count - objects.count
    }
}

/// One line of a watch.
enum WatchEvent<Object: APIObject>: Decodable, Sendable {
    /// ADDED or MODIFIED.
    case changed(Object)
    case deleted(Object)
    /// Everything up to that version was told.
    case bookmark(version: String)
    case error(APIStatus)
    /// Of a type that is not known, or with an object that cannot be read.
    case unreadable

    private struct Bookmark: Decodable {
        struct Metadata: Decodable { var resourceVersion: String }
        var metadata: Metadata
    }

    private enum Key: String, CodingKey {
        case type, object
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        switch try container.decode(String.self, forKey: .type) {
        case "ADDED", "MODIFIED":
            self = (try? container.decode(Object.self, forKey: .object)).map { .changed($0) } ?? .unreadable
        case "DELETED":
            self = (try? container.decode(Object.self, forKey: .object)).map { .deleted($0) } ?? .unreadable
        case "BOOKMARK":
            let bookmark = try container.decode(Bookmark.self, forKey: .object)
            self = .bookmark(version: bookmark.metadata.resourceVersion)
        case "ERROR":
            self = .error(try container.decode(APIStatus.self, forKey: .object))
        default: self = .unreadable
        }
    }
}
