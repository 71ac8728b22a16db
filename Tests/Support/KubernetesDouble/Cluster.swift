import Foundation

/// What the double's API server has stored, and what happened to it.
struct Cluster: Sendable {
    struct Event: Sendable {
        var type: String
        var resource: String
        var object: JSONValue
        /// Before the change, if the object was there.
        var old: JSONValue?
        var version: Int
    }

    struct Selection: Sendable {
        var resource: String
        var namespace: String?
        var fieldSelector = ""
        var labelSelector = ""
    }

    private(set) var objects: [String: [String: JSONValue]] = [:]
    private(set) var events: [Event] = []
    private(set) var version = 1000
    /// Nothing before this is remembered.
    private(set) var oldest = 1000

    /// Stores an object under its namespace and name.
    mutating func put(_ resource: String, _ object: JSONValue) -> Event {
        version += 1
        let key = object.text(at: "metadata.namespace") + "/" + object.text(at: "metadata.name")
        let old = objects[resource]?[key]
        let stored = versioned(object)
        objects[resource, default: [:]][key] = stored
        let event = Event(
            type: old == nil ? "ADDED" : "MODIFIED", resource: resource, object: stored, old: old, version: version)
        events.append(event)
        return event
    }

    mutating func delete(_ resource: String, _ namespace: String, _ name: String) -> Event? {
        guard let old = objects[resource]?.removeValue(forKey: "\(namespace)/\(name)") else { return nil }
        version += 1
        let event = Event(type: "DELETED", resource: resource, object: versioned(old), old: old, version: version)
        events.append(event)
        return event
    }

    mutating func compact() {
        version += 1
        oldest = version
        events = []
    }

    private func versioned(_ object: JSONValue) -> JSONValue {
        var object = object
        object["metadata"]?["resourceVersion"] = .string("\(version)")
        return object
    }

    /// In the order of their keys, as etcd has them.
    func list(_ selection: Selection) -> [JSONValue] {
        (objects[selection.resource] ?? [:]).sorted { $0.key < $1.key }.map(\.value).filter { selection.holds($0) }
    }

    /// The event as a watcher of the selection sees it: an object that leaves the selection is deleted for it.
    static func told(_ event: Event, _ selection: Selection) -> (type: String, object: JSONValue)? {
        guard event.resource == selection.resource else { return nil }
        let (isHeld, was) = (selection.holds(event.object), event.old.map(selection.holds) ?? false)
        if event.type == "DELETED" { return was ? ("DELETED", event.object) : nil }
        if isHeld { return (was ? "MODIFIED" : "ADDED", event.object) }
        return was ? ("DELETED", event.object) : nil
    }
}

extension Cluster.Selection {
    func holds(_ object: JSONValue) -> Bool {
        if let namespace, object.text(at: "metadata.namespace") != namespace { return false }
        return Self.terms(fieldSelector).allSatisfy { Self.field($0, object) }
            && Self.terms(labelSelector).allSatisfy { Self.label($0, object) }
    }

    private static func terms(_ selector: String) -> [String] { selector.split(separator: ",").map(String.init) }

    private static func field(_ term: String, _ object: JSONValue) -> Bool {
        if let range = term.range(of: "!=") {
            return object.text(at: String(term[..<range.lowerBound])) != term[range.upperBound...]
        }
        guard let range = term.range(of: "=") else { return false }
        return object.text(at: String(term[..<range.lowerBound])) == term[range.upperBound...]
    }

    private static func label(_ term: String, _ object: JSONValue) -> Bool {
        let labels = object["metadata"]?["labels"]
        func value(_ key: some StringProtocol) -> String? {
            if case .string(let text)? = labels?[String(key)] { return text }
            return nil
        }
        if let range = term.range(of: "!=") {
            return value(term[..<range.lowerBound]) != String(term[range.upperBound...])
        }
        if let range = term.range(of: "=") {
            return value(term[..<range.lowerBound]) == String(term[range.upperBound...])
        }
        if term.hasPrefix("!") { return value(term.dropFirst()) == nil }
        return value(term) != nil
    }
}
