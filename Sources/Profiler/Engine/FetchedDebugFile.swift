import ObjectFiles
import Symbolization
import Synchronization

/// The debug file of one executable that has none on this machine, on its way from elsewhere.
final class FetchedDebugFile: Sendable {
    private enum State {
        case notAsked
        case asked
        case arrived(ELFFile, supplementary: ELFFile?)
        case taken(ELFFile, supplementary: ELFFile?)
        case absent
    }

    private let state = Mutex(State.notAsked)

    /// Asks for it, once.
    func request(for file: ELFFile, from provider: any DebugFileProvider) {
        guard let id = file.gnuBuildID() else { return }
        let isFirst = state.withLock { state -> Bool in
            guard case .notAsked = state else { return false }
            state = .asked
            return true
        }
        guard isFirst else { return }
        let machine = file.machine
        provider.debugFile(of: id) { path in
            guard let found = Self.open(path, id, machine) else {
                self.state.withLock { $0 = .absent }
                return
            }
            guard let link = found.supplementaryLink() else {
                self.state.withLock { $0 = .arrived(found, supplementary: nil) }
                return
            }
            // What dwz moved into a file for several has its own build id.
            provider.debugFile(of: link.buildID) { path in
                let supplementary = Self.open(path, link.buildID, machine)
                self.state.withLock { $0 = .arrived(found, supplementary: supplementary) }
            }
        }
    }

    private static func open(_ path: String?, _ id: BuildID, _ machine: ELFMachine) -> ELFFile? {
        guard let path, let reader = try? FileReader(path: path), let file = try? ELFFile(reader),
            file.machine == machine, file.gnuBuildID() == id
        else { return nil }
        return file
    }

    /// True once, when it has arrived: from then on `files` has it.
    func take() -> Bool {
        state.withLock { state in
            guard case .arrived(let file, let supplementary) = state else { return false }
            state = .taken(file, supplementary: supplementary)
            return true
        }
    }

    /// Nothing more will come.
    var isSettled: Bool {
        state.withLock { state in
            switch state {
            case .absent, .taken: true
            case .notAsked, .asked, .arrived: false
            }
        }
    }

    /// What was installed, and what has come.
    func files(with installed: DebugFiles) -> DebugFiles {
        guard case .taken(let file, let supplementary) = state.withLock({ $0 }) else { return installed }
        var files = installed
        files.separate = file
        files.supplementary = supplementary ?? installed.supplementary
        return files
    }
}
