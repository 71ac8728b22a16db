import BPFObjects
import CBPFInterface
import Processes

/// Executables of published processes: opened once for each file, numbered, given a table when a stack needs it,
/// forgotten when no process has mapped them for a while.
extension EngineLoop {
    func acquire(_ reference: ExecutableReference, _ process: ProcessKey, _ mapping: Mapping) {
        references[reference] = .inProgress
        // At most one for each executable that the process table knows.
        opener.post(.init(reference: reference, process: process, mapping: mapping))
    }

    func take(_ reference: ExecutableReference, _ opened: OpenedExecutable) {
        if let problem = opened.problem {
            log(.debug, "cannot read \(opened.description.fileName): \(problem)")
            monitor.executableUnavailable(reference)
        }
        // Released while it was being opened: nobody waits any longer.
        guard references[reference] != nil else { return }
        if let number = number(of: opened) {
            references[reference] = .known(number)
            numbers.retain(number)
        } else {
            references[reference] = .unnumbered
        }
        let ready = waiting.values.filter { entry in !isOpening(entry.mappings) }
        for entry in ready {
            waiting[entry.key.pid] = nil
            publish(entry.key, entry.mappings)
        }
    }

    /// The number of an executable; a new one has no table until a stack needs it.
    func number(of opened: OpenedExecutable) -> UInt32? {
        if let known = numbers.number(of: opened.key) { return known }
        guard let number = numbers.assign(opened.key) else {
            statistics.refusedExecutables &+= 1
            return nil
        }
        registry.set(number, Executable(number: number, opened: opened))
        var record = executable()
        record.state = UInt8(
            opened.file == nil ? EXECUTABLE_WITHOUT_TABLE.rawValue : EXECUTABLE_TABLE_PENDING.rawValue)
        write(record, number)
        return number
    }

    /// Forgets executables that no process has mapped for a while: tables, names and open files.
    func forgetIdleExecutables(now: UInt64, isUrgent: Bool = false) {
        for number in numbers.takeExpired(now: now, isUrgent: isUrgent) {
            let known = registry[number]
            registry.set(number, nil)
            // No process's mappings lead to it any longer, so no program can be reading its table.
            write(executable(), number)
            if requestedTables.remove(number) != nil, let known { builders.remove(known) }
            statistics.forgottenExecutables &+= 1
            refusedTables.remove(number)
            tablesTriedAgain.remove(number)
        }
    }

    // MARK: - Tables

    func requestTable(_ number: UInt32) {
        guard requestedTables.insert(number).inserted, let executable = registry[number] else { return }
        // At most one for each executable's number.
        builders.build(executable)
    }

    func take(_ built: TableBuilding.Built) {
        // Forgotten while its table was built: the removal is on its way to the builder.
        guard requestedTables.contains(built.number) else { return }
        if built.isArenaFull {
            if makeRoom(for: built) { return }
        } else if let problem = built.problem, let executable = registry[built.number] {
            statistics.failedTables &+= 1
            log(
                .warning,
                "no unwinding table for \(executable.description.fileName), its stacks may end early: \(problem)")
        }
        statistics.tables &+= 1
        statistics.tableRows &+= UInt64(built.rows)
        unwinder.rules += ruleSet.rules(from: unwinder.rules.count)
        unwinder.forgetBlocks()
        write(built.record, built.number)
        resolve(deferred.take { $0.waitsForExecutable == built.number })
    }

    /// Idle executables give way, and the table is tried once more; the traces that need it wait. If that does not
    /// help, frame pointers have to do until there is room.
    /// - Returns: whether the table is being tried again.
    func makeRoom(for built: TableBuilding.Built) -> Bool {
        forgetIdleExecutables(now: monotonicNanoseconds(), isUrgent: true)
        if tablesTriedAgain.insert(built.number).inserted, let executable = registry[built.number] {
            builders.build(executable)
            return true
        }
        tablesTriedAgain.remove(built.number)
        refusedTables.insert(built.number)
        statistics.refusedTables &+= 1
        if !toldArenaIsFull {
            toldArenaIsFull = true
            log(
                .warning,
                "unwinding tables do not fit the memory budget, stacks of some programs may end early "
                    + "(raise memory_budget_mib): \(built.problem ?? "")")
        }
        return false
    }

    func retryRefusedTables(now: UInt64) {
        guard !refusedTables.isEmpty, now >= nextTableRetry else { return }
        nextTableRetry = now &+ 5_000_000_000
        for number in refusedTables {
            if let executable = registry[number] { builders.build(executable) }
        }
        refusedTables = []
    }

    func write(_ record: executable, _ number: UInt32) {
        var record = record
        registry[number]?.runtime?.describe(in: &record)
        unwinder.executables[Int(number)] = record
        do throws(BPFError) {
            if record.state == UInt8(EXECUTABLE_HAS_TABLE.rawValue) {
                // An update is no single step for a program on another CPU: the state comes last (see abi.h).
                var pending = record
                pending.state = UInt8(EXECUTABLE_TABLE_PENDING.rawValue)
                try kernel.executables.update(number, pending)
            }
            try kernel.executables.update(number, record)
        } catch {
            log(.warning, "\(error)")
        }
    }
}
