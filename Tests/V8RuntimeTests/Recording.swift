import Foundation

@testable import V8Runtime

/// What executables of Node.js say of their V8, as they export it.
enum Recording {
    static let names = ["node-14", "node-16", "node-18", "node-20", "node-22", "node-24", "node-26"]

    static func metadata(_ name: String) throws -> V8Metadata {
        let folder = (#filePath as NSString).deletingLastPathComponent
        let text = try String(contentsOfFile: "\(folder)/Recorded/\(name).txt", encoding: .utf8)
        var version = V8Version(0, 0)
        var numbers: [String: Int32] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields[0] == "version" {
                let parts = fields[1].split(separator: ".").compactMap { UInt32($0) }
                version = V8Version(parts[0], parts[1], parts[2])
            } else {
                numbers[String(fields[0])] = Int32(fields[1])
            }
        }
        return V8Metadata(version: version, numbers: numbers)
    }
}
