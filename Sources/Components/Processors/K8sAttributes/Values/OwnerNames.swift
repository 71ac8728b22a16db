/// Names of workloads that follow from the names of what they made.
enum OwnerNames {
    /// A deployment names its replica sets `NAME-HASH`, and labels their pods with the hash.
    /// - Returns: Nil for a replica set that no deployment made.
    static func deployment(ofReplicaSet name: String, podTemplateHash hash: String?) -> String? {
        guard let hash, !hash.isEmpty, name.hasSuffix("-\(hash)") else { return nil }
        let result = name.dropLast(hash.count + 1)
        return result.isEmpty ? nil : String(result)
    }

    /// A cron job names its jobs `NAME-MINUTES`, with the minutes since 1970 of the scheduled time in eight digits.
    /// - Parameter created: Of the pod, in RFC 3339. The time in the name must be within a day of it.
    static func cronJob(ofJob name: String, podCreated created: String?) -> String? {
        let digits = name.suffix(8)
        let rest = name.dropLast(8)
        guard digits.utf8.count == 8, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            rest.hasSuffix("-"), rest.count > 1, let minutes = Int64(digits),
            let created = created.flatMap(Timestamp.seconds(_:))
        else { return nil }
        guard abs(minutes * 60 - created) <= 86_400 else { return nil }
        return String(rest.dropLast())
    }
}
