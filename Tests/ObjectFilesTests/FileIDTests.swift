import ObjectFiles
import Testing

@Suite struct FileIDTests {
    @Test func fileIDs() throws {
        func check(_ bytes: [UInt8], _ hex: String) throws {
            #expect(try FileID(contentsOf: MemorySource(bytes)).hex == hex)
        }
        try check([], "af5570f5a1810b7af78caf4bc70a660f")
        try check(Array("hello\n".utf8), "4d9cbfd062dc96c836340b284e743e15")
        try check([UInt8](repeating: 0, count: 8192), "19f1f0ee1580e3e4d49976da425ffd8e")
        try check((0..<10000).map { UInt8($0 % 251) }, "29e3194e821b97b5565d43a5156ad97a")
        try check((0..<5000).map { UInt8($0 % 251) }, "8fcb735ccf036663f4dc178cf6653aac")
    }

    @Test func kernelIDs() {
        let id = FileID(kernelBuildIDHex: "c89b11207f6479603b0d49bf291c092c2b719293")
        #expect(id.hex == "b83310f55156928abed22f6702fc03a8")
        #expect(FileID(kernelBuildIDHex: "c89b11207f64796") == .unknownKernel)
        #expect(FileID(kernelBuildIDHex: nil).hex == "fffffffffffffffdfffffffffffffffd")
    }

    /// `python3 -c 'import base64; print(base64.urlsafe_b64encode(bytes.fromhex("...")))'`
    @Test func base64URL() {
        let id = FileID(high: 0xaf55_70f5_a181_0b7a, low: 0xf78c_af4b_c70a_660f)
        #expect(id.base64URL == "r1Vw9aGBC3r3jK9LxwpmDw")
        #expect(FileID(high: .max, low: .max).base64URL == "_____________________w")
        #expect(id.bytes.count == 16 && id.bytes[0] == 0xaf && id.bytes[15] == 0x0f)
    }

    /// Vectors of NIST, FIPS 180-4 examples and the long message of a million "a".
    @Test(arguments: [
        ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        ("aaaaaaaaaa", 100_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func sha256(message: String, times: Int, hex: String) {
        var hash = SHA256()
        for _ in 0..<times { hash.update(message.utf8) }
        #expect(BuildID(bytes: hash.finish()).hex == hex)
    }
}
