import BinaryReading
import Foundation
import LiveSupport
import Testing

@testable import Processes

/// What processes publish about themselves. The payloads were made by Python's package opentelemetry-proto 1.45.2: a
/// `Resource` as field 1 and a `KeyValue` as field 2.
struct ProcessContextTests {
    /// service.name cart, service.version 1.4.2, debug true, shard -7, ratio 0.25, zones [a, b].
    static let cart = """
        0a82010a160a0c736572766963652e6e616d6512060a04636172740a1a0a0f736572766963652e76657273696f6e12070a05312e342e32\
        0a0b0a056465627567120210010a140a057368617264120b18f9ffffffffffffffff010a120a05726174696f120921000000000000d03f\
        0a150a057a6f6e6573120c2a0a0a030a01610a030a0162122e0a1a7468726561646c6f63616c2e736368656d615f76657273696f6e1210\
        0a0e746c73646573635f76315f646576
        """
    /// service.name checkout.
    static let checkout = """
        0a1c0a1a0a0c736572766963652e6e616d65120a0a08636865636b6f7574122e0a1a7468726561646c6f63616c2e736368656d615f7665\
        7273696f6e12100a0e746c73646573635f76315f646576
        """

    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = Array(hexadecimal.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
        }
    }

    private static func parse(_ bytes: [UInt8]) throws -> ProcessContext {
        try bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return try ProcessContext(parsing: &reader)
        }
    }

    private static func header(
        signature: String = "OTEL_CTX", version: UInt32 = 2, size: Int, at time: UInt64 = 9, payload: UInt64 = 0x2000
    ) -> [UInt8] {
        func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        return Array(signature.utf8) + little(version) + little(UInt32(size)) + little(time) + little(payload)
    }

    private static func memory(_ header: [UInt8], _ payload: [UInt8]) -> RecordedMemory {
        var memory = RecordedMemory()
        memory.add(header, at: 0x1000)
        memory.add(payload, at: 0x2000)
        return memory
    }

    @Test func theResourceIsRead() throws {
        let payload = Self.bytes(Self.cart)
        let (context, time) = try ProcessContext.read(
            at: 0x1000, in: Self.memory(Self.header(size: payload.count), payload))
        #expect(time == 9)
        #expect(
            context.attributes == [
                .init(key: "service.name", value: .string("cart")),
                .init(key: "service.version", value: .string("1.4.2")),
                .init(key: "debug", value: .boolean(true)),
                .init(key: "shard", value: .integer(-7)),
                .init(key: "ratio", value: .double(0.25)),
                .init(key: "zones", value: .array([.string("a"), .string("b")])),
            ])
        #expect(context.serviceName == "cart")
    }

    @Test(arguments: [("unknown_service", nil), ("unknown_service:java", nil), ("", nil), ("unknown", "unknown")])
    func aDefaultIsNoName(name: String, expected: String?) {
        let context = ProcessContext(attributes: [.init(key: "service.name", value: .string(name))])
        #expect(context.serviceName == expected)
    }

    @Test func headersThatAreNoneAreRefused() {
        let payload = Self.bytes(Self.checkout)
        func failure(_ header: [UInt8]) -> ProcessContextError? {
            do throws(ProcessContextError) {
                _ = try ProcessContext.read(at: 0x1000, in: Self.memory(header, payload))
                return nil
            } catch {
                return error
            }
        }
        #expect(failure(Self.header(size: payload.count)) == nil)
        #expect(failure(Self.header(signature: "OTEL_CTY", size: payload.count)) == .noHeader)
        #expect(failure(Self.header(version: 1, size: payload.count)) == .unknownVersion(1))
        #expect(failure(Self.header(size: 65537)) == .tooLarge(65537))
        #expect(failure(Self.header(size: payload.count, at: 0)) == .changing)
        #expect(failure(Self.header(size: payload.count, payload: 8)) == .unreadable(.init(.unreadable, at: 8)))
        #expect(failure(Array(Self.header(size: payload.count).dropLast())) != nil)
    }

    /// Whatever is cut off or changed, nothing traps, and nothing grows beyond what came.
    @Test func hostileMessagesDoNoHarm() throws {
        let payload = Self.bytes(Self.cart)
        for length in 0..<payload.count { _ = try? Self.parse(Array(payload[..<length])) }
        for position in payload.indices {
            for value in stride(from: 0, through: 255, by: 5) {
                var changed = payload
                changed[position] = UInt8(value)
                if let context = try? Self.parse(changed) { #expect(context.attributes.count <= payload.count) }
            }
        }
        // A thousand attributes of one process are not a thousand attributes of every resource.
        var many: [UInt8] = []
        for number in 0..<1000 {
            let key = Array("k\(number)".utf8)
            let attribute = [0x0a, UInt8(key.count)] + key + [0x12, 2, 0x10, 1]
            many += [0x0a, UInt8(attribute.count)] + attribute
        }
        let length = [UInt8(many.count & 0x7f) | 0x80, UInt8(many.count >> 7)]
        #expect(try Self.parse([0x0a] + length + many).attributes.count == 128)
    }

    @Test(.enabled(if: try Live.has(.root, .tool("gcc"))))
    func aLiveProcessIsFollowed() throws {
        let folder = try TemporaryFolder()
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let program = folder.path(of: "process_context")
        try Command.runBlocking(
            ["gcc", "-O1", "-Wall", "-Werror", "-o", program, "\(root)/Tests/Live/Programs/process_context.c"])
        let child = try ChildProcess([program, Self.cart, Self.checkout])
        defer { child.send(SIGKILL) }
        #expect(try child.readLine() == "ready")
        let inspector = ProcessInspector()
        let key = ProcessKey(pid: child.pid, generation: 1)
        var place: ProcessContextPlace?
        func look() -> ContextAnswer {
            guard
                case .context(_, let answer) = inspector.answer(
                    .context(key, thread: child.pid, ContextQuestion(place: place))
                ).content
            else { return .unchanged }
            if case .read(let read, _) = answer { place = read }
            return answer
        }
        func name(_ answer: ContextAnswer) -> String? {
            if case .read(_, let context) = answer { context?.serviceName ?? "none" } else { nil }
        }
        func step(_ expected: String) throws {
            child.send(SIGUSR1)
            #expect(try child.readLine() == expected)
        }
        #expect(name(look()) == nil && place == nil)
        try step("published")
        #expect(name(look()) == "cart")
        #expect(name(look()) == nil && place != nil)
        try step("changed")
        #expect(name(look()) == "checkout")
        try step("changing")
        #expect(name(look()) == nil && place != nil)
        try step("broken")
        #expect(name(look()) == "none")
        try step("gone")
        #expect(name(look()) == "none" && place == nil)
        #expect(name(look()) == nil)
    }
}
