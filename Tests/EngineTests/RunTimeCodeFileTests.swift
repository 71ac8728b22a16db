import Foundation
import Testing

@testable import Engine

/// What a process may do to its perf map and its jitdump while they are read. The process is this one: nobody else
/// reads or writes the files.
@Suite(.serialized)
struct RunTimeCodeFileTests {
    private let path = "/tmp/perf-\(getpid()).map"

    private func prepared() -> RunTimeCode {
        let code = RunTimeCode(pid: getpid())
        code.prepare()
        return code
    }

    private func write(_ text: String, to path: String, appending: Bool = false) throws {
        let file = try #require(fopen(path, appending ? "a" : "w"))
        defer { fclose(file) }
        #expect(fputs(text, file) >= 0)
    }

    @Test func aMapGrowsAndIsReplaced() throws {
        unlink(path)
        defer { unlink(path) }
        let code = prepared()
        code.refresh()
        #expect(code.name(at: 0x1000) == nil)
        try write("1000 10 one\n2000 10 t", to: path)
        code.refresh()
        #expect(code.name(at: 0x1000) == "one")
        #expect(code.name(at: 0x2000) == nil)
        try write("wo\n", to: path, appending: true)
        code.refresh()
        #expect(code.name(at: 0x200f) == "two")
        // Shorter: written anew in place.
        try write("1000 10 new\n", to: path)
        code.refresh()
        #expect(code.name(at: 0x1000) == "new")
        #expect(code.name(at: 0x2000) == nil)
        // Another file of that name.
        unlink(path)
        code.refresh()
        try write("1000 10 another\n3000 10 three\n", to: path)
        code.refresh()
        #expect(code.name(at: 0x1000) == "another")
        #expect(code.name(at: 0x3000) == "three")
    }

    @Test func aPipeAFolderAndADeviceAreNotRead() throws {
        for make in [
            { (path: String) in mkfifo(path, 0o600) }, { mkdir($0, 0o700) }, { symlink("/dev/zero", $0) },
            { symlink("/proc/self/mem", $0) }, { symlink($0, $0) },
        ] {
            unlink(path)
            rmdir(path)
            try #require(make(path) == 0)
            let code = prepared()
            code.refresh()
            #expect(code.name(at: 0x1000) == nil)
        }
        unlink(path)
    }

    /// A file of terabytes, with one name at its start: so much is read at a time, and zeros are no lines.
    @Test func aHugeMapIsReadInParts() throws {
        unlink(path)
        defer { unlink(path) }
        try write("1000 10 one\n", to: path)
        #expect(truncate(path, off_t(1) << 40) == 0)
        let code = prepared()
        for _ in 0..<4 { code.refresh() }
        #expect(code.name(at: 0x1000) == "one")
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func somebodyElsesMapIsNotBelieved() throws {
        unlink(path)
        defer { unlink(path) }
        try write("1000 10 one\n", to: path)
        #expect(chown(path, 65534, 65534) == 0)
        let code = prepared()
        code.refresh()
        #expect(code.name(at: 0x1000) == nil)
    }

    @Test func aDumpIsReplaced() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/run-time-code-\(getpid())"
        mkdir(folder, 0o700)
        let path = folder + "/jit-\(getpid()).dump"
        defer {
            unlink(path)
            rmdir(folder)
        }
        func word<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
        func dump(_ name: String) -> [UInt8] {
            let name = Array(name.utf8) + [0]
            let header: [UInt8] = word(UInt32(0x4a69_5444)) + word(UInt32(1)) + word(UInt32(40)) + word(UInt32(62))
            let load: [UInt8] = word(UInt32(0)) + word(UInt32(56 + name.count + 4)) + word(UInt64(0))
            let body: [UInt8] = word(UInt32(1)) + word(UInt32(1)) + word(UInt64(0x1000)) + word(UInt64(0x1000))
            let rest: [UInt8] = word(UInt64(4)) + word(UInt64(0)) + name + [0x90, 0x90, 0x90, 0xc3]
            return header + [UInt8](repeating: 0, count: 24) + load + body + rest
        }
        let code = prepared()
        code.setDumpPath(path)
        #expect(FileManager.default.createFile(atPath: path, contents: Data(dump("first"))))
        code.refresh()
        #expect(code.name(at: 0x1001) == "first")
        unlink(path)
        #expect(FileManager.default.createFile(atPath: path, contents: Data(dump("another one"))))
        code.refresh()
        #expect(code.name(at: 0x1001) == "another one")
    }
}
