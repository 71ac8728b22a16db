import Glibc
import LiveSupport

@testable import UnwindCases

/// The files in `Tests/UnwindCases`.
enum RecordedCases {
    static let folder: String = {
        let parts = #filePath.split(separator: "/").dropLast(2)
        return "/" + parts.joined(separator: "/") + "/UnwindCases"
    }()

    static let repository: String = "/" + folder.split(separator: "/").dropLast(2).joined(separator: "/")

    static let names: [String] = {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".case") { names.append(name) }
        }
        return names.sorted()
    }()

    static func text(_ name: String) throws -> String {
        guard let file = fopen("\(folder)/\(name)", "r") else { throw SystemError("open \(name)") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: UnwindCase.maximumFileBytes + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    static func load(_ name: String) throws -> UnwindCase { try UnwindCase.parse(text(name)) }
}
