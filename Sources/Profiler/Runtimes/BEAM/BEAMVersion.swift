import ObjectFiles

/// What an emulator's file says of itself.
enum BEAMVersion {
    /// "OTP 27"; by the folder that it lies in where it does not say (`…/erts-15.2.7/bin/beam.smp`).
    static func text(_ file: ELFFile, _ release: ELFSymbol?, path: String) -> String {
        if let release, let bytes = try? file.read(atAddress: release.value, count: 4) {
            let digits = bytes.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            if !digits.isEmpty { return "OTP \(String(decoding: digits, as: UTF8.self))" }
        }
        guard let folder = path.split(separator: "/").last(where: { $0.hasPrefix("erts-") }) else {
            return "OTP of unknown release"
        }
        let system = folder.dropFirst("erts-".count)
        // ERTS 13 came with OTP 25, and each release since has the next number of both.
        guard let major = system.prefix(while: { $0 != "." }).wholeNumber, major >= 10 else { return "ERTS \(system)" }
        return "OTP \(major + 12)"
    }

    /// What `etp_beamasm` says, a number of 4 bytes.
    static func isCompiled(_ file: ELFFile, _ symbol: ELFSymbol?) -> Bool? {
        guard let symbol, let bytes = try? file.read(atAddress: symbol.value, count: 4) else { return nil }
        return bytes.contains { $0 != 0 }
    }
}

extension Substring {
    fileprivate var wholeNumber: Int? { count <= 4 ? Int(self) : nil }
}
