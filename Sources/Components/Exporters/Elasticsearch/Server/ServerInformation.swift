/// What `GET /` and `GET /_profiling/status` say of a cluster.
struct ServerInformation: Sendable, Equatable {
    var major = 0
    var minor = 0
    var isServerless = false

    /// - Throws: `JSONReader.Failure`; a body without a version is none.
    init(parsing body: [UInt8]) throws {
        var reader = JSONReader(body)
        var (number, flavor) = ("", "")
        try reader.object { reader, key in
            guard key == "version" else { return try reader.skip() }
            try reader.objectOrSkip { reader, key in
                switch key {
                case "number": number = try reader.optionalString() ?? ""
                case "build_flavor": flavor = try reader.optionalString() ?? ""
                default: try reader.skip()
                }
            }
        }
        let parts = number.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
        major = parts.first ?? 0
        minor = parts.count > 1 ? parts[1] : 0
        isServerless = flavor == "serverless"
    }

    var profileSchema: ProfileSchema {
        isServerless || (major, minor) >= (9, 6) ? .otel : .classic
    }

    /// Whether the templates of Universal Profiling are there; nil if the answer does not say.
    static func hasProfilingResources(_ body: [UInt8]) -> Bool? {
        var reader = JSONReader(body)
        var isCreated: Bool?
        try? reader.object { reader, key in
            guard key == "resources" else { return try reader.skip() }
            try reader.objectOrSkip { reader, key in
                if key == "created" { isCreated = try reader.optionalBoolean() } else { try reader.skip() }
            }
        }
        return isCreated
    }
}
