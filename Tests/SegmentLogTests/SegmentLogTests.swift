import Foundation
import TestRandomness
import Testing

@testable import SegmentLog

struct SegmentLogTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

    private func open(segmentBytes: Int = 4096) throws -> SegmentLog {
        try SegmentLog(folder: folder, lockPatienceMilliseconds: 0, segmentBytes: segmentBytes)
    }

    private func contents(_ log: SegmentLog) throws -> [[UInt8]] { try log.recovered.map { try log.read($0) } }

    private func files(_ suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(suffix) }.sorted()
            .map { folder + "/" + $0 }
    }

    @Test func recordsSurviveAndRemovedOnesDoNot() throws {
        do {
            let log = try open()
            let records = try (0..<5).map { try log.append([UInt8($0)], tag: UInt32($0) * 10) }
            #expect(records.map(\.number) == [1, 2, 3, 4, 5])
            try log.remove(records[1])
            try log.remove(records[3])
        }
        do {
            let log = try open()
            #expect(try contents(log) == [[0], [2], [4]])
            #expect(log.recovered.map(\.tag) == [0, 20, 40])
            #expect(log.damage.isEmpty)
            // Numbers go on.
            #expect(try log.append([9]).number == 6)
            for record in log.recovered { try log.remove(record) }
        }
        #expect(try contents(try open()) == [[9]])
    }

    /// A disk that was filled by what nobody needs any more has room again, though the segment would take more.
    @Test func whatIsNotNeededGivesItsRoomBack() throws {
        func bytes() throws -> Int {
            try files("").reduce(0) { $0 + (try Data(contentsOf: URL(fileURLWithPath: $1)).count) }
        }
        do {
            let log = try open(segmentBytes: 16 << 20)
            let records = try (0..<50).map { _ in try log.append([UInt8](repeating: 7, count: 4000)) }
            #expect(try bytes() > 200_000)
            for record in records { try log.remove(record) }
            #expect(try bytes() < 1000)
            #expect(try log.append([1]).number == 51)
        }
        let log = try open(segmentBytes: 16 << 20)
        #expect(try contents(log) == [[1]])
        #expect(try log.append([2]).number == 52)
    }

    /// Against a plain list, over many restarts: what is there is what was added and not removed, in order.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func agreesWithAList(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var expected: [UInt64: [UInt8]] = [:]
        for _ in 0..<30 {
            let log = try open(segmentBytes: 2000)
            #expect(log.recovered.map(\.number) == expected.keys.sorted())
            #expect(log.damage.isEmpty)
            var live = log.recovered
            for record in live { #expect(try log.read(record) == expected[record.number]) }
            for _ in 0..<Int.random(in: 0..<40, using: &random) {
                if Bool.random(using: &random), !live.isEmpty {
                    let victim = live.remove(at: Int.random(in: 0..<live.count, using: &random))
                    try log.remove(victim)
                    expected[victim.number] = nil
                } else {
                    let bytes = (0..<Int.random(in: 0..<600, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                    let record = try log.append(bytes)
                    #expect(try log.read(record) == bytes)
                    expected[record.number] = bytes
                    live.append(record)
                }
            }
        }
        let log = try open()
        for record in log.recovered { try log.remove(record) }
        // Nothing is left of what was removed.
        #expect(try files(".segment").isEmpty)
        #expect(try files(".removed").isEmpty)
    }

    /// A write that a crash cut off at any byte: the records before it are there, and the log goes on.
    @Test func whatIsTornIsCutOff() throws {
        do {
            let log = try open()
            _ = try log.append([1, 2, 3])
            _ = try log.append([4, 5, 6, 7])
        }
        let file = try #require(try files(".segment").first)
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        let first = SegmentFormat.header.count + SegmentFormat.headBytes + 3
        for length in first..<whole.count {
            try whole.prefix(length).write(to: URL(fileURLWithPath: file))
            do {
                let log = try open()
                #expect(try contents(log) == [[1, 2, 3]], "\(length) bytes")
                #expect(log.damage.isEmpty == (length == first))
                _ = try log.append([8])
            }
            do {
                let log = try open()
                #expect(try contents(log) == [[1, 2, 3], [8]], "\(length) bytes")
                for record in log.recovered.dropFirst() { try log.remove(record) }
            }
            for other in try files(".segment") where other != file { try FileManager.default.removeItem(atPath: other) }
            for other in try files(".removed") { try FileManager.default.removeItem(atPath: other) }
        }
    }

    @Test func aDamagedPayloadIsNotedWhenItIsRead() throws {
        do {
            let log = try open()
            _ = try log.append(Array(repeating: 1, count: 100))
            _ = try log.append([2])
        }
        let file = try #require(try files(".segment").first)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        bytes[SegmentFormat.header.count + SegmentFormat.headBytes + 50] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file))
        let log = try open()
        #expect(log.recovered.count == 2)
        let error = #expect(throws: SegmentLogError.self) { try log.read(log.recovered[0]) }
        #expect(error?.kind == .damaged)
        #expect(try log.read(log.recovered[1]) == [2])
    }

    /// A damaged head costs its own record; those behind it are there.
    @Test func recordsBehindDamageAreFound() throws {
        do {
            let log = try open(segmentBytes: 1 << 20)
            for number in 1...5 { _ = try log.append([UInt8](repeating: UInt8(number), count: 30_000)) }
        }
        let file = try #require(try files(".segment").first)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let recordBytes = SegmentFormat.headBytes + 30_000
        bytes[SegmentFormat.header.count + recordBytes + 20] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file))
        let log = try open()
        #expect(try contents(log).map { $0[0] } == [1, 3, 4, 5])
        #expect(log.damage.count == 1)
        #expect(try log.append([9]).number == 6)
    }

    /// Any bytes at all in the files: no trap, nothing made up, and the log can be written.
    @Test func damagedFilesNeverTrap() throws {
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let payloads = (1...6).map { Array(repeating: UInt8($0), count: $0 * 7) }
            do {
                let log = try open(segmentBytes: 100)
                let records = try payloads.map { try log.append($0) }
                try log.remove(records[2])
            }
            for file in try files(".segment") + files(".removed") {
                var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
                for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if random.next() % 5 == 0 { bytes = bytes.prefix(Int.random(in: 0...bytes.count, using: &random)) }
                try bytes.write(to: URL(fileURLWithPath: file))
            }
            let log = try open()
            for record in log.recovered {
                guard let read = try? log.read(record) else { continue }
                #expect(payloads.contains(read), "seed \(seed)")
            }
            let record = try log.append([42])
            #expect(try log.read(record) == [42], "seed \(seed)")
            try FileManager.default.removeItem(atPath: folder)
        }
    }

    @Test func hasOneUserAtATime() throws {
        let log = try open()
        let error = #expect(throws: SegmentLogError.self) { _ = try open() }
        #expect(error?.kind == .inUse)
        withExtendedLifetime(log) {}
    }

    @Test func segmentsGoWithTheirLastRecord() throws {
        let log = try open(segmentBytes: 1000)
        var records: [SegmentLog.Record] = []
        for _ in 0..<20 { records.append(try log.append([UInt8](repeating: 0, count: 500))) }
        #expect(try files(".segment").count == 10)
        for record in records[..<18] { try log.remove(record) }
        #expect(try files(".segment").count == 1)
    }
}
