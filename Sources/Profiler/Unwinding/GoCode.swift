/// What the assembly of Go's runtime for x86_64 keeps where, by the bytes of the few instructions that tell.
enum X86GoCode {
    /// `runtime.stackcheck` begins with the goroutine's address: mov rax, fs:[x], or mov rcx, x; mov rax, fs:[rcx] in
    /// code that may lie anywhere. Nil where the distance comes from a table that the dynamic linker fills.
    static func goroutine(_ code: [UInt8]) -> Int32? {
        for start in code.indices.prefix(32) {
            if let distance = operand(code, start, [0x64, 0x48, 0x8b, 0x04, 0x25]) { return distance }
            if let distance = operand(code, start, [0x48, 0xc7, 0xc1]),
                code[(start + 7)...].starts(with: [0x64, 0x48, 0x8b, 0x01])
            {
                return distance
            }
        }
        return nil
    }

    /// `runtime.systemstack` compares the goroutine with `m.curg`: cmp rax, [rbx + x].
    static func current(_ code: [UInt8]) -> UInt16? {
        for start in code.indices {
            if let offset = operand(code, start, [0x48, 0x3b, 0x83]) {
                return offset > 0 && offset < 2048 && offset % 8 == 0 ? UInt16(offset) : nil
            }
        }
        return nil
    }

    /// Whether SP is loaded from `sched.sp` of a goroutine: mov rsp, [r + 56].
    static func changesStacks(_ code: [UInt8]) -> Bool {
        code.indices.dropLast(3).contains { start in
            [0x48, 0x49].contains(code[start]) && code[start + 1] == 0x8b && code[start + 2] & 0xf8 == 0x60
                && code[start + 3] == 56
        }
    }

    /// `runtime.asmcgocall` stores the goroutine, then its depth in the goroutine's stack: mov [rsp + x], rdi.
    static func kept(_ code: [UInt8]) -> (goroutine: Int, depth: Int)? {
        var places: [Int] = []
        for start in code.indices {
            let rest = code[start...]
            if rest.starts(with: [0x48, 0x89, 0x7c, 0x24]), rest.count > 4, code[start + 4] < 0x80 {
                places.append(Int(code[start + 4]))
            } else if rest.starts(with: [0x48, 0x89, 0x3c, 0x24]) {
                places.append(0)
            }
        }
        guard places.count == 2, places.allSatisfy({ $0 % 8 == 0 }) else { return nil }
        return (places[0], places[1])
    }

    /// Where below the CFA code stores the caller's frame pointer: mov [rsp + x], rbp, or push rbp at its start.
    static func framePointerPlace(_ code: [UInt8], _ rows: [(distance: UInt64, depth: Int32)]) -> Int32? {
        for start in code.indices {
            let rest = code[start...]
            var place: Int32?
            if rest.starts(with: [0x48, 0x89, 0x6c, 0x24]), rest.count > 4 {
                place = Int32(Int8(bitPattern: code[start + 4]))
            } else {
                place = operand(code, start, [0x48, 0x89, 0xac, 0x24])
            }
            if let place, let depth = depth(at: UInt64(start), rows) {
                let (below, overflow) = place.subtractingReportingOverflow(depth &+ 8)
                return overflow || below >= 0 ? nil : below
            }
        }
        return nil
    }

    /// The CFA's distance from what code sets the frame pointer to, the last time that it does: mov rbp, rsp, or
    /// lea rbp, [rsp + x].
    static func framePointer(_ code: [UInt8], _ rows: [(distance: UInt64, depth: Int32)]) -> Int32? {
        var result: Int32?
        for start in code.indices {
            let rest = code[start...]
            if rest.starts(with: [0x48, 0x89, 0xe5]) {
                result = depth(at: UInt64(start), rows).map { $0 &+ 8 }
            } else if rest.starts(with: [0x48, 0x8d, 0x6c, 0x24]), rest.count > 4 {
                let added = Int32(Int8(bitPattern: code[start + 4]))
                result = depth(at: UInt64(start), rows).map { $0 &+ 8 &- added }
            }
        }
        return result
    }

    private static func depth(at distance: UInt64, _ rows: [(distance: UInt64, depth: Int32)]) -> Int32? {
        rows.last { $0.distance <= distance }?.depth
    }

    /// The four bytes behind the ones at `start`.
    private static func operand(_ code: [UInt8], _ start: Int, _ prefix: [UInt8]) -> Int32? {
        let place = start + prefix.count
        guard place + 4 <= code.count, code[start..<place].elementsEqual(prefix) else { return nil }
        return Int32(bitPattern: (0..<4).reversed().reduce(0) { $0 << 8 | UInt32(code[place + $1]) })
    }
}

/// The same for arm64.
enum ARM64GoCode {
    /// `runtime.load_g` reads the goroutine's address from the thread's memory: mrs x0, tpidr_el0; movz x27, #x;
    /// ldr x28, [x0, x27].
    static func goroutine(_ code: [UInt8]) -> Int32? {
        let words = words(code)
        guard let start = words.firstIndex(where: { $0 == 0xd53b_d040 }) else { return nil }
        for word in words[start...] where word & 0xffe0_001f == 0xd280_001b {
            return Int32(word >> 5 & 0xffff)
        }
        return nil
    }

    /// `runtime.systemstack` loads `m.curg`: ldr x6, [x4, #x].
    static func current(_ code: [UInt8]) -> UInt16? {
        for word in words(code) where word & 0xffc0_03ff == 0xf940_0086 {
            let offset = (word >> 10 & 0xfff) * 8
            return offset < 2048 ? UInt16(offset) : nil
        }
        return nil
    }

    /// Whether SP is set to a register: mov sp, x.
    static func changesStacks(_ code: [UInt8]) -> Bool {
        words(code).contains { $0 & 0xffff_fc1f == 0x9100_001f && $0 >> 5 & 0x1f != 31 }
    }

    private static func words(_ code: [UInt8]) -> [UInt32] {
        stride(from: 0, to: code.count & ~3, by: 4).map { (start: Int) -> UInt32 in
            let low = UInt32(code[start]) | UInt32(code[start + 1]) << 8
            return low | UInt32(code[start + 2]) << 16 | UInt32(code[start + 3]) << 24
        }
    }
}
