import Glibc
import Testing

@testable import Processes

struct MemoryReaderTests {
    @Test func readsRecordedMemory() throws {
        var memory = RecordedMemory()
        memory.add([1, 2, 3, 4], at: 0x1000)
        memory.add(Array("name\0".utf8), at: 0x1004)
        memory.add(Array("endless".utf8), at: 0x2000)
        #expect(try memory.read(at: 0x1000, as: UInt32.self) == 0x0403_0201)
        #expect(try memory.read(at: 0x1002, as: UInt32.self) == 0x616e_0403)
        #expect(try memory.readBytes(at: 0x1001, count: 0) == [])
        #expect(try memory.readCString(at: 0x1004) == Array("name".utf8) )
        #expect(throws: MemoryReadError(.limitExceeded, at: 0x1004)) { try memory.readCString(at: 0x1004, limit: 3) }
        #expect(throws: MemoryReadError.self) { try memory.readCString(at: 0x2000) }
        #expect(throws: MemoryReadError(.unreadable, at: 0x1006)) { try memory.readBytes(at: 0x1006, count: 8) }
        #expect(throws: MemoryReadError(.unreadable, at: .max)) { try memory.read(at: .max, as: UInt32.self) }
        #expect(throws: MemoryReadError(.limitExceeded, at: 0)) { try memory.readBytes(at: 0, count: -1) }
        #expect(throws: MemoryReadError(.limitExceeded, at: 0)) { try memory.readBytes(at: 0, count: .max) }
    }

    @Test func readsLiveMemoryWhollyOrNotAtAll() throws {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let address = try #require(mmap(nil, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(address, 2 * page) }
        munmap(address + page, page)
        let last = address + page - 4
        last.copyMemory(from: [0x61, 0x62, 0x63, 0x00] as [UInt8], byteCount: 4)
        let memory = RemoteMemory(pid: getpid())
        let position = UInt64(UInt(bitPattern: last))
        #expect(try memory.read(at: position, as: UInt32.self) == 0x0063_6261)
        // The string ends on the last byte before the hole.
        #expect(try memory.readCString(at: position) == Array("abc".utf8))
        #expect(throws: MemoryReadError(.unreadable, at: position)) { try memory.readBytes(at: position, count: 5) }
        #expect(throws: MemoryReadError(.gone, at: 1)) { try RemoteMemory(pid: .max).readBytes(at: 1, count: 1) }
    }

    @Test func theVDSOIsASharedObject() throws {
        let vdso = try #require(VDSO.read())
        #expect(vdso.image.count >= 4096)
        // e_type ET_DYN.
        #expect(vdso.image[16] == 3)
        #expect(String(decoding: vdso.image, as: UTF8.self).contains("clock_gettime"))
    }
}
