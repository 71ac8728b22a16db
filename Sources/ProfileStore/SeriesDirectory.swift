import GRDB

/// What a series is of; texts resolved.
struct SeriesInformation: Sendable {
    var processID: Int64
    var pid: Int64
    var processName: String
    var executablePath: String
    var containerID: String
    var serviceName: String
    var threadName: String
    var tid: Int64
    var sampleType: SampleTypeName
    /// Nanoseconds of CPU time that one sample stands for, or 0 when the sample type has no such period.
    var periodNanoseconds: Int64
}

/// Looks series up, each once.
struct SeriesDirectory {
    private var known: [Int64: SeriesInformation] = [:]

    private static let sql = """
        SELECT p.id, p.pid, pn.text, pe.text, pc.text, ps.text, tn.text, s.tid, ty.text, tu.text, t.period,
               py.text, pu.text
        FROM series s
        JOIN process p ON p.id = s.process JOIN string pn ON pn.id = p.name JOIN string pe ON pe.id = p.executable
        JOIN string pc ON pc.id = p.container JOIN string ps ON ps.id = p.service
        JOIN string tn ON tn.id = s.thread_name
        JOIN sample_type t ON t.id = s.sample_type JOIN string ty ON ty.id = t.type JOIN string tu ON tu.id = t.unit
        JOIN string py ON py.id = t.period_type JOIN string pu ON pu.id = t.period_unit
        WHERE s.id = ?
        """

    mutating func information(_ series: Int64, _ database: Database) throws -> SeriesInformation? {
        if let found = known[series] { return found }
        guard let row = try Row.fetchOne(database.cachedStatement(sql: Self.sql), arguments: [series]) else {
            return nil
        }
        let isCPUTime = row[11] == "cpu" && row[12] == "nanoseconds"
        let information = SeriesInformation(
            processID: row[0], pid: row[1], processName: row[2], executablePath: row[3], containerID: row[4],
            serviceName: row[5], threadName: row[6], tid: row[7],
            sampleType: SampleTypeName(type: row[8], unit: row[9]), periodNanoseconds: isCPUTime ? row[10] : 0)
        known[series] = information
        return information
    }
}

extension SampleFilter {
    func matches(_ series: SeriesInformation) -> Bool {
        series.sampleType == sampleType
            && (processName == nil || processName == series.processName)
            && (processID == nil || processID == series.processID)
            && (threadName == nil || threadName == series.threadName)
    }

    var firstRowID: Int64 { SampleBlock.firstRowID(startSeconds: fromSeconds) }
    var endRowID: Int64 { SampleBlock.firstRowID(startSeconds: toSeconds) }
}
