import TestRandomness
import Testing

@testable import Processes

struct MappingListTests {
    private func file(_ start: UInt64, _ end: UInt64, offset: UInt64 = 0, inode: UInt64 = 1) -> Mapping {
        Mapping(
            start: start, end: end, fileOffset: offset,
            file: MappedFileIdentity(deviceMajor: 8, deviceMinor: 1, inode: inode), kind: .file, path: "/f\(inode)")
    }

    @Test func newMappingsReplaceWhatTheyOverlap() {
        var list: [Mapping] = []
        list.replaceRange(with: file(0x5000, 0x9000, offset: 0x100))
        list.replaceRange(with: file(0x1000, 0x2000))
        #expect(list.map(\.start) == [0x1000, 0x5000])
        // In the middle: both remainders stay, the right one with its own file offset.
        list.replaceRange(with: file(0x6000, 0x7000, inode: 2))
        #expect(
            list == [
                file(0x1000, 0x2000), file(0x5000, 0x6000, offset: 0x100), file(0x6000, 0x7000, inode: 2),
                file(0x7000, 0x9000, offset: 0x2100),
            ])
        // Across several, ending inside the last.
        list.replaceRange(with: file(0x1800, 0x8000, inode: 3))
        #expect(
            list == [file(0x1000, 0x1800), file(0x1800, 0x8000, inode: 3), file(0x8000, 0x9000, offset: 0x3100)])
        list.replaceRange(with: file(0, .max, inode: 4))
        #expect(list == [file(0, .max, inode: 4)])
        list.replaceRange(with: file(5, 5))
        #expect(list.count == 1)
    }

    /// Against a model that keeps every page by itself.
    @Test func agreesWithAPageByPageModel() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            var list: [Mapping] = []
            var model: [UInt64: (inode: UInt64, offset: UInt64)] = [:]
            for inode in UInt64(1)...12 {
                let start = UInt64.random(in: 0..<40, using: &random)
                let end = start + UInt64.random(in: 1..<15, using: &random)
                let offset = UInt64.random(in: 0..<100, using: &random)
                list.replaceRange(with: file(start, end, offset: offset, inode: inode))
                for page in start..<end { model[page] = (inode, offset + page - start) }
            }
            for address in UInt64(0)..<60 {
                let found = list.indexOfMapping(at: address).map { list[$0] }
                #expect(found?.file.inode == model[address]?.inode, "seed \(seed)")
                #expect(
                    found.map { $0.fileOffset + address - $0.start } == model[address]?.offset, "seed \(seed)")
            }
        }
    }
}
