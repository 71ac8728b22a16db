import Collector
import FoundationEssentials

/// `POST /_security/user/_has_privileges`, asked in the name of the key itself.
enum PrivilegeQuestion {
    static let path = "/_security/user/_has_privileges"

    private struct Body: Encodable {
        struct Application: Encodable {
            var application: String
            var privileges: [String]
            var resources: [String]
        }
        var application: [Application]
    }

    struct Answer: Decodable {
        var username: String
        var hasAllRequested: Bool

        enum CodingKeys: String, CodingKey {
            case username
            case hasAllRequested = "has_all_requested"
        }
    }

    /// - Throws: `AuthenticationFailure` if the request lacks a field that a resource is made of.
    static func body(
        _ privileges: [APIKeyAuthConfiguration.Privileges], headers: [String: [String]]
    ) throws -> [UInt8] {
        let applications = try privileges.map { wanted in
            var resources = wanted.resources
            for dynamic in wanted.dynamicResources {
                guard let values = headers[dynamic.field], !values.isEmpty else {
                    throw AuthenticationFailure("missing client metadata \"\(dynamic.field)\"")
                }
                resources += values.map { dynamic.prefix + $0 + dynamic.suffix }
            }
            return Body.Application(
                application: wanted.application, privileges: wanted.privileges, resources: resources)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return [UInt8](try encoder.encode(Body(application: applications)))
    }

    static func answer(_ bytes: [UInt8]) throws -> Answer {
        try JSONDecoder().decode(Answer.self, from: Data(bytes))
    }
}
