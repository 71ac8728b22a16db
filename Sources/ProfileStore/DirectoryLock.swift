import Foundation
import Synchronization

/// Keeps a second process out of the store's directory. The kernel drops the lock when its holder dies.
final class DirectoryLock: Sendable {
    private let descriptor: Mutex<Int32?>

    init(directory: String) throws {
        let path = "\(directory)/lock"
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw StoreError.cannotCreateDirectory(path: path, reason: String(cString: strerror(errno)))
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            var text = [UInt8](repeating: 0, count: 32)
            let count = max(0, read(opened, &text, text.count))
            Foundation.close(opened)
            let owner = String(decoding: text.prefix(count), as: UTF8.self).filter(\.isNumber)
            throw StoreError.inUse(directory: directory, owner: owner.isEmpty ? "of unknown id" : owner)
        }
        let owner = Array("\(getpid())\n".utf8)
        ftruncate(opened, 0)
        _ = pwrite(opened, owner, owner.count, 0)
        descriptor = Mutex(opened)
    }

    func unlock() {
        if let open = descriptor.withLock({ $0.take() }) { Foundation.close(open) }
    }

    deinit {
        unlock()
    }
}
