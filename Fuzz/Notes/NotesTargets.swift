import ObjectFiles

enum NotesTargets {
    static let all = [
        FuzzTarget("notes", seeds: { [buildID] }) { bytes in
            _ = ELFNote.parse(bytes, alignment: 4)
            _ = ELFNote.parse(bytes, alignment: 8)
        }
    ]

    /// A note as linkers write it: name of 4 bytes, 20 bytes, type 3.
    private static let buildID: [UInt8] =
        [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4e, 0x55, 0] + (0..<20)
}
