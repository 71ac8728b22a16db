import Processes

/// Reads a process's memory by pages, each of them once: for walks through many small things that lie close together,
/// as HotSpot's tables do. What changes meanwhile is not seen, so it lives as long as one walk.
final class PageCache<Memory: MemoryReader>: MemoryReader {
    private static var pageBytes: Int { 4096 }
    private static var pageLimit: Int { 1024 }

    private let memory: Memory
    private var pages: [UInt64: [UInt8]] = [:]

    init(_ memory: Memory) {
        self.memory = memory
    }

    func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(MemoryReadError) {
        var done = 0
        while done < buffer.count {
            let position = address &+ UInt64(done)
            let offset = Int(position % UInt64(Self.pageBytes))
            let count = min(buffer.count - done, Self.pageBytes - offset)
            let page = try page(at: position &- UInt64(offset))
            UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                .copyBytes(from: page[offset..<(offset + count)])
            done += count
        }
    }

    private func page(at address: UInt64) throws(MemoryReadError) -> [UInt8] {
        if let known = pages[address] { return known }
        if pages.count >= Self.pageLimit { pages.removeAll() }
        let page = try memory.readBytes(at: address, count: Self.pageBytes)
        pages[address] = page
        return page
    }
}
