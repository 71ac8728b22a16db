import ObjectFiles
import Processes
import RuntimeSupport

/// The interpreter's table of names (`rb_symbols_t`, symbol.h): how many there are, and an array of arrays of them. Nothing
/// exports where it lies, but nothing else among the interpreter's variables looks like it and knows the names of operators.
struct RubySymbolTable<Memory: MemoryReader> {
    let objects: RubyObjects<Memory>
    /// Process address of the array of arrays of names.
    let arrays: UInt64

    /// Of a row of names, which takes two places for each (ID_ENTRY_UNIT and ID_ENTRY_SIZE, symbol.c).
    private static var namesInArray: UInt64 { 512 }
    /// Identifiers below stand for operators and have no flags: above tLAST_OP_ID of every version, and below what the
    /// first name of any other kind has.
    private static var firstWithFlags: UInt64 { 200 }
    private static var nameLimit: Int { 1024 }

    /// The name of an identifier; nil when there is none.
    func name(of identifier: UInt64) -> String? {
        // The lowest four bits say what kind of name it is: ID_SCOPE_SHIFT, id.h.
        let number = identifier < Self.firstWithFlags ? identifier : identifier >> 4
        guard let names = objects.element(number / Self.namesInArray, of: arrays),
            let string = objects.element(number % Self.namesInArray * 2, of: names)
        else { return nil }
        return objects.string(at: string, limit: Self.nameLimit)
    }

    /// Looks for the table in an executable's variables.
    static func find(_ file: ELFFile, bias: UInt64, memory: Memory, layout: RubyLayout) -> RubySymbolTable? {
        let objects = RubyObjects(memory: memory, layout: layout)
        for segment in file.segments where segment.type == ELFSegment.load && segment.isWritable {
            let size = Int(clamping: min(segment.memorySize, variablesLimitBytes))
            guard let bytes = try? memory.readBytes(at: segment.address &+ bias, count: size) else { continue }
            if let found = find(in: bytes, objects) { return found }
        }
        return nil
    }

    private static var variablesLimitBytes: UInt64 { 4 << 20 }
    private static var candidatesLimit: Int { 4096 }

    /// last_id, then perhaps a table of symbols, then the array `ids`.
    private static func find(in bytes: [UInt8], _ objects: RubyObjects<Memory>) -> RubySymbolTable? {
        var candidates = 0
        return bytes.withUnsafeBytes { bytes in
            func word(_ offset: Int) -> UInt64 {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            for offset in stride(from: 0, to: bytes.count - 23, by: 8) {
                // A number of four bytes, and as many of padding.
                let last = word(offset), array = word(offset + 16)
                guard last >= firstWithFlags, last < 1 << 28, array & 7 == 0, array >= 0x1000, array < 1 << 48
                else { continue }
                candidates += 1
                if candidates > candidatesLimit { return nil }
                let table = RubySymbolTable(objects: objects, arrays: array)
                guard objects.isArray(array, atLeast: last / namesInArray),
                    table.name(of: UInt64(UInt8(ascii: "+"))) == "+", table.name(of: UInt64(UInt8(ascii: "%"))) == "%"
                else { continue }
                return table
            }
            return nil
        }
    }
}

extension RubySymbolTable: Sendable where Memory: Sendable {}
