import ObjectFiles
import Symbolization

enum GoFunctionsTargets {
    static let all = [
        FuzzTarget("go-functions") { bytes in
            // The table by itself in a file, and as a file.
            for image in [ELFImage.build([(".gopclntab", bytes)]), bytes] {
                guard let file = try? ELFFile(MemorySource(image)), let table = GoFunctionTable(file) else { continue }
                for address in [0, 0x1000, 0x1040, 0x40_1000, 0x45_0000, 0x48_0000, .max] as [UInt64] {
                    for step in 0..<8 as Range<UInt64> { _ = table.lookup(address &+ step &* 97) }
                }
            }
        }
    ]
}
