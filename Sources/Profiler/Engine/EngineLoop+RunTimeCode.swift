import CBPFInterface
import Processes

/// Processes that run code which is in no file: an executable number for each, so that its frames say whose they are.
extension EngineLoop {
    /// The number of the process's code made at run time; nil for a process that has none, or when there are too many.
    func runTimeCodeNumber(of key: ProcessKey, _ mappings: [Mapping]) -> UInt32? {
        if let known = runTimeCode[key] {
            if let dump = mappings.first(where: { RunTimeCode.isDump($0.path) }) {
                registry[known]?.runTimeCode?.setDumpPath(dump.path)
            }
            return known
        }
        guard mappings.contains(where: { $0.kind == .anonymous }), let number = numbers.assign(.runTimeCode(key)) else {
            return nil
        }
        let code = RunTimeCode(pid: key.pid)
        if let dump = mappings.first(where: { RunTimeCode.isDump($0.path) }) { code.setDumpPath(dump.path) }
        registry.set(number, Executable(number: number, runTimeCode: code))
        numbers.retain(number)
        var record = executable()
        record.state = UInt8(EXECUTABLE_WITHOUT_TABLE.rawValue)
        write(record, number)
        runTimeCode[key] = number
        // At most one for each process that is published.
        runtimeThread.post(.watchCode(number: number, code))
        return number
    }

    func releaseRunTimeCode(of key: ProcessKey) {
        guard let number = runTimeCode.removeValue(forKey: key) else { return }
        numbers.release(number, now: monotonicNanoseconds())
        runtimeThread.post(.leaveCode(number: number))
    }
}
