import CBPFInterface
import CLibBPF
import Glibc
import Synchronization

/// The kernel's side of the table arena: chunks of blocks, made as they are needed.
///
/// Any thread may write and read; blocks are written by one at a time.
public final class TableChunks: Sendable {
    private let outer: BPFMap
    private let chunks = Mutex<[BPFMap]>([])

    init(outer: BPFMap) {
        self.outer = outer
    }

    deinit {
        chunks.withLock { chunks in
            for chunk in chunks { close(chunk.descriptor) }
        }
    }

    /// Blocks that fit at most.
    public static let maximumBlocks = TABLE_MAX_CHUNKS * TABLE_BLOCKS_PER_CHUNK

    /// Kernel memory in use, in bytes.
    public var bytes: Int {
        chunks.withLock { $0.count } * TABLE_BLOCKS_PER_CHUNK * MemoryLayout<table_block>.size
    }

    /// Writes one block of the arena: `TABLE_BLOCK_WORDS` words.
    public func write(block number: Int, _ words: UnsafeBufferPointer<UInt32>) throws(BPFError) {
        guard number >= 0, number < TableChunks.maximumBlocks, words.count == TABLE_BLOCK_WORDS else {
            throw BPFError(action: "write block \(number) of the table arena", errorNumber: E2BIG)
        }
        let chunk = try chunk(number / TABLE_BLOCKS_PER_CHUNK)
        try chunk.update(UInt32(number % TABLE_BLOCKS_PER_CHUNK), bytes: UnsafeRawBufferPointer(words))
    }

    /// Reads one block back into `block`, which has the size of `struct table_block`. False when it was never written.
    public func read(block number: Int, into block: UnsafeMutableRawBufferPointer) -> Bool {
        guard number >= 0, block.count >= MemoryLayout<table_block>.size else { return false }
        let chunk = chunks.withLock { chunks in
            number / TABLE_BLOCKS_PER_CHUNK < chunks.count ? chunks[number / TABLE_BLOCKS_PER_CHUNK] : nil
        }
        guard let chunk else { return false }
        return (try? chunk.lookup(UInt32(number % TABLE_BLOCKS_PER_CHUNK), into: block)) ?? false
    }

    private func chunk(_ index: Int) throws(BPFError) -> BPFMap {
        let existing = chunks.withLock { index < $0.count ? $0[index] : nil }
        if let existing { return existing }
        // The update of the outer map waits for an RCU grace period: some 20 ms, during which nobody should wait for
        // the lock. Only one thread at a time comes here.
        while true {
            let count = chunks.withLock { $0.count }
            if count > index { break }
            let descriptor = bpf_map_create(
                BPF_MAP_TYPE_ARRAY, "table_chunk", 4, UInt32(MemoryLayout<table_block>.size),
                UInt32(TABLE_BLOCKS_PER_CHUNK), nil)
            if descriptor < 0 { throw BPFError(action: "create a chunk of the table arena", errorNumber: -descriptor) }
            do throws(BPFError) {
                try outer.update(UInt32(count), descriptor)
            } catch {
                close(descriptor)
                throw error
            }
            chunks.withLock { $0.append(BPFMap(descriptor: descriptor, name: "table_chunk")) }
        }
        return chunks.withLock { $0[index] }
    }
}
