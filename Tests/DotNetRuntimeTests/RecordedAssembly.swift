import Foundation
import Processes

@testable import DotNetRuntime

/// `Programs/dotnet/busy.cs` of the live tests as Mono's compiler makes it.
enum RecordedAssembly {
    static let base: UInt64 = 0x7f00_0000_0000

    static let bytes: [UInt8] = {
        let path = ((#filePath as NSString).deletingLastPathComponent as NSString)
            .appendingPathComponent("Recorded/busy.dll.txt")
        let digits = ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").filter { $0 != "\n" }.utf8.map { $0 }
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
        }
    }()

    /// As it lies in its file.
    static func memory(_ bytes: [UInt8] = bytes) -> RecordedMemory {
        var memory = RecordedMemory()
        memory.add(bytes, at: base)
        // Whoever reads a page of headers gets one.
        memory.add([UInt8](repeating: 0, count: 4096), at: base + UInt64(bytes.count))
        return memory
    }

    static func names(_ memory: RecordedMemory) -> MethodNames<RecordedMemory>? {
        guard let image = AssemblyImage(memory, at: base), let root = image.address(of: image.metadata.address),
            let metadata = Metadata(memory, at: root, size: UInt64(image.metadata.size))
        else { return nil }
        return MethodNames(metadata: metadata)
    }
}
