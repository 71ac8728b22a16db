import Symbolization

enum DemanglersTargets {
    static let all = [
        FuzzTarget("demanglers") { bytes in
            // One name a line: symbols have no line feeds.
            for line in bytes.split(separator: UInt8(ascii: "\n")).prefix(64) {
                _ = Demangler.demangle(String(decoding: line, as: UTF8.self))
            }
        }
    ]
}
