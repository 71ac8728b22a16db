import Glibc

/// One instruction, as Documentation/bpf/standardization/instruction-set.rst lays it out.
struct BPFInstruction {
    var opcode: UInt8
    var destination: Int
    var source: Int
    var offset: Int16
    var immediate: Int32

    /// BPF_LD | BPF_IMM | BPF_DW: takes two places.
    var isWide: Bool { opcode == 0x18 }
    /// BPF_JMP | BPF_CALL of a helper, which `immediate` numbers.
    var isHelperCall: Bool { opcode == 0x85 && source == 0 }
}

/// The programs of a compiled BPF object as the compiler left them, before libbpf and the kernel change them.
struct BPFObjectFile {
    struct Program {
        var name: String
        var section: String
        var instructions: [BPFInstruction]
        /// Places whose wide load takes the address of a symbol.
        var symbols: [Int: String]
    }

    struct Malformed: Error {}

    var programs: [Program] = []
    /// Bytes of CO-RE relocations, for which a kernel must have BTF.
    var relocationsAgainstKernelTypes = 0
    private let bytes: [UInt8]

    /// - Parameter bytes: an ELF file, 64 bits, little-endian (elf(5)).
    init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        let sections = try readSections()
        guard let table = sections.first(where: { $0.type == 2 }), table.link < sections.count
        else { throw Malformed() }
        let names = sections[table.link]
        struct Symbol {
            var name: String
            var isFunction: Bool
            var section: Int
            var value: Int
            var size: Int
        }
        var symbols: [Symbol] = []
        for start in stride(from: table.offset, to: table.offset + table.size, by: 24) {
            symbols.append(
                Symbol(
                    name: try text(names.offset + Int(load(start, UInt32.self))),
                    isFunction: try load(start + 4, UInt8.self) & 15 == 2,
                    section: Int(try load(start + 6, UInt16.self)), value: Int(try load(start + 8, UInt64.self)),
                    size: Int(try load(start + 16, UInt64.self))))
        }
        for symbol in symbols where symbol.isFunction {
            let section = sections[symbol.section]
            var program = Program(name: symbol.name, section: section.name, instructions: [], symbols: [:])
            for start in stride(from: symbol.value, to: symbol.value + symbol.size, by: 8) {
                let registers = try load(section.offset + start + 1, UInt8.self)
                program.instructions.append(
                    BPFInstruction(
                        opcode: try load(section.offset + start, UInt8.self), destination: Int(registers & 15),
                        source: Int(registers >> 4), offset: try load(section.offset + start + 2, Int16.self),
                        immediate: try load(section.offset + start + 4, Int32.self)))
            }
            for relocations in sections where relocations.type == 9 && relocations.info == symbol.section {
                for entry in stride(from: relocations.offset, to: relocations.offset + relocations.size, by: 16) {
                    let place = Int(try load(entry, UInt64.self)) - symbol.value
                    guard (0..<symbol.size).contains(place) else { continue }
                    program.symbols[place / 8] = symbols[Int(try load(entry + 8, UInt64.self) >> 32)].name
                }
            }
            programs.append(program)
        }
        // struct btf_ext_header, Documentation/bpf/btf.rst.
        if let extensions = sections.first(where: { $0.name == ".BTF.ext" }),
            try load(extensions.offset + 4, UInt32.self) >= 32
        {
            relocationsAgainstKernelTypes = Int(try load(extensions.offset + 28, UInt32.self))
        }
    }

    private struct Section {
        var name = ""
        var nameOffset: Int
        var type: Int
        var offset: Int
        var size: Int
        var link: Int
        var info: Int
    }

    private func readSections() throws -> [Section] {
        let table = Int(try load(40, UInt64.self)), count = Int(try load(60, UInt16.self))
        var sections = try (0..<count).map { index in
            let start = table + index * 64
            return Section(
                nameOffset: Int(try load(start, UInt32.self)), type: Int(try load(start + 4, UInt32.self)),
                offset: Int(try load(start + 24, UInt64.self)), size: Int(try load(start + 32, UInt64.self)),
                link: Int(try load(start + 40, UInt32.self)), info: Int(try load(start + 44, UInt32.self)))
        }
        let namesIndex = Int(try load(62, UInt16.self))
        guard namesIndex < sections.count else { throw Malformed() }
        let names = sections[namesIndex]
        for index in sections.indices { sections[index].name = try text(names.offset + sections[index].nameOffset) }
        return sections
    }

    private func load<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Number.Type) throws -> Number {
        guard offset >= 0, offset + MemoryLayout<Number>.size <= bytes.count else { throw Malformed() }
        return bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
    }

    private func text(_ offset: Int) throws -> String {
        guard offset < bytes.count else { throw Malformed() }
        return String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }
}
