/// Puts sections into an ELF file, so that a reader of one section can be fuzzed without the file around it being
/// broken first.
enum ELFImage {
    /// A shared object for x86_64 (or arm64) with the given sections, one executable segment of `textBytes` zeros at
    /// address 0x1000, and nothing else.
    static func build(
        _ sections: [(name: String, bytes: [UInt8])], textBytes: Int = 4096, isARM64: Bool = false
    ) -> [UInt8] {
        var image = [UInt8](repeating: 0, count: 0x1000 + textBytes)
        func put(_ value: UInt64, _ count: Int, at position: Int) {
            for index in 0..<count { image[position + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        var all: [(name: String, type: UInt64, flags: UInt64, address: UInt64, offset: Int, size: Int)] = [
            ("", 0, 0, 0, 0, 0), (".text", 1, 6, 0x1000, 0x1000, textBytes),
        ]
        for section in sections {
            let place = image.count
            image += section.bytes
            image += [UInt8](repeating: 0, count: (8 - image.count % 8) % 8)
            // Data that is loaded, such as tables for unwinding, lies where it lies in the file.
            let isLoaded = !section.name.hasPrefix(".debug")
            all.append((section.name, 1, isLoaded ? 2 : 0, isLoaded ? UInt64(place) : 0, place, section.bytes.count))
        }
        var names: [UInt8] = []
        var places: [Int] = []
        all.append((".shstrtab", 3, 0, 0, image.count, 0))
        for section in all {
            places.append(names.count)
            names += Array(section.name.utf8) + [0]
        }
        all[all.count - 1].size = names.count
        image += names
        image += [UInt8](repeating: 0, count: (8 - image.count % 8) % 8)
        let headers = image.count
        image += [UInt8](repeating: 0, count: 64 * all.count)
        for (index, section) in all.enumerated() {
            let header = headers + 64 * index
            put(UInt64(places[index]), 4, at: header)
            put(section.type, 4, at: header + 4)
            put(section.flags, 8, at: header + 8)
            put(section.address, 8, at: header + 16)
            put(UInt64(section.offset), 8, at: header + 24)
            put(UInt64(section.size), 8, at: header + 32)
            put(1, 8, at: header + 48)
        }
        image.replaceSubrange(0..<8, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])
        put(3, 2, at: 16)
        put(isARM64 ? 183 : 62, 2, at: 18)
        put(1, 4, at: 20)
        put(64, 8, at: 32)
        put(UInt64(headers), 8, at: 40)
        for (offset, value) in [(52, 64), (54, 56), (56, 1), (58, 64), (60, all.count), (62, all.count - 1)] {
            put(UInt64(value), 2, at: offset)
        }
        // PT_LOAD of the whole file, so that what is loaded has addresses.
        put(1, 4, at: 64)
        put(5, 4, at: 68)
        put(UInt64(headers), 8, at: 64 + 32)
        put(UInt64(headers), 8, at: 64 + 40)
        put(0x1000, 8, at: 64 + 48)
        return image
    }
}
