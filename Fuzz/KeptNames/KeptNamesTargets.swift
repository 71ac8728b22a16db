import ObjectFiles
import Symbolization

enum KeptNamesTargets {
    static let all = [
        FuzzTarget("kept-names", seeds: { [seed] }) { bytes in
            _ = try? NameBlocks.read(bytes)
            // Behind the checksum.
            guard bytes.count > 16 else { return }
            var whole = bytes
            let payload = Array(bytes[16...])
            let head = [UInt32(payload.count), CRC32.of(payload)].flatMap { number in
                (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
            }
            whole.replaceSubrange(8..<16, with: head)
            _ = try? NameBlocks.read(whole)
        }
    ]

    private static let seed: [UInt8] = {
        let frame = SymbolizedFrame(functionName: "f(int)", systemName: "_Z1fi", fileName: "/a.c", line: 3)
        let name = SymbolizedAddress(frames: [frame, frame], functionStart: 0x1000)
        return Array("otnames1".utf8) + NameBlocks.block([(0x1000, name), (0x1008, name)])
    }()
}
