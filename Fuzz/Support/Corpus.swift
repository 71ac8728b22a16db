import Glibc
import ObjectFiles

/// `Fuzz/Corpus`: a folder for each target.
public enum Corpus {
    public static let folder: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(2)
        return parts.joined(separator: "/") + "/Corpus"
    }()

    static func files(of target: String) -> [[UInt8]] {
        names(in: "\(folder)/\(target)").compactMap { file("\(folder)/\(target)/\($0)") }
    }

    /// The first of these that this machine has, at most `limitBytes` long.
    static func systemFiles(_ paths: [String], limitBytes: UInt64 = 64 << 10) -> [[UInt8]] {
        paths.lazy.compactMap { file($0, limitBytes: limitBytes) }.first.map { [$0] } ?? []
    }

    static func file(_ path: String, limitBytes: UInt64 = 1 << 20) -> [UInt8]? {
        guard let reader = try? FileReader(path: path), reader.size <= limitBytes else { return nil }
        return try? reader.read(at: 0, count: Int(reader.size))
    }

    /// What files of `/proc` say, whose sizes are not known beforehand.
    static func procFile(_ path: String, limitBytes: Int = 64 << 10) -> [[UInt8]] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limitBytes)
        var count = 0
        while count < limitBytes {
            let read = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + count }, limitBytes - count)
            }
            if read <= 0 { break }
            count += read
        }
        return [Array(bytes[..<count])]
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
