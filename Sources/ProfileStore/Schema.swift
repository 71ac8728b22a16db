import GRDB

/// The database's tables.
///
/// Names, functions, frames and stacks are stored once and referred to by id. Each such row carries `seen`: a time
/// (seconds since 1970) not before the start of any block that refers to it, directly or through others. So a row whose
/// `seen` lies before the oldest block is unreferenced, and removing it needs no search.
enum Schema {
    /// `OTPS`: tells our databases from those of other programs.
    static let applicationID = 0x4F54_5053
    static let version = 1

    static let tables = """
        CREATE TABLE string (
            id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, text TEXT NOT NULL, seen INTEGER NOT NULL);
        CREATE INDEX string_by_hash ON string (hash);

        -- name, file, module, kind: ids of strings. kind is the frame type's name.
        CREATE TABLE function (
            id INTEGER PRIMARY KEY, name INTEGER NOT NULL, file INTEGER NOT NULL, module INTEGER NOT NULL,
            kind INTEGER NOT NULL, seen INTEGER NOT NULL);
        CREATE UNIQUE INDEX function_by_content ON function (name, file, module, kind);

        CREATE TABLE frame (
            id INTEGER PRIMARY KEY, function INTEGER NOT NULL, line INTEGER NOT NULL, seen INTEGER NOT NULL);
        CREATE UNIQUE INDEX frame_by_content ON frame (function, line);

        -- frames: see StackBlob. complete: 1 when unwinding reached the thread's root.
        CREATE TABLE stack (
            id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, complete INTEGER NOT NULL, seen INTEGER NOT NULL,
            frames BLOB NOT NULL);
        CREATE INDEX stack_by_hash ON stack (hash);

        -- All but pid are ids of strings.
        CREATE TABLE process (
            id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, name INTEGER NOT NULL, executable INTEGER NOT NULL,
            container INTEGER NOT NULL, service INTEGER NOT NULL, seen INTEGER NOT NULL);
        CREATE UNIQUE INDEX process_by_content ON process (pid, name, executable, container, service);

        -- A sample type with its period: cpu time = samples × period.
        CREATE TABLE sample_type (
            id INTEGER PRIMARY KEY, type INTEGER NOT NULL, unit INTEGER NOT NULL, period_type INTEGER NOT NULL,
            period_unit INTEGER NOT NULL, period INTEGER NOT NULL, seen INTEGER NOT NULL);
        CREATE UNIQUE INDEX sample_type_by_content ON sample_type (type, unit, period_type, period_unit, period);

        CREATE TABLE series (
            id INTEGER PRIMARY KEY, process INTEGER NOT NULL, thread_name INTEGER NOT NULL, tid INTEGER NOT NULL,
            sample_type INTEGER NOT NULL, seen INTEGER NOT NULL);
        CREATE UNIQUE INDEX series_by_content ON series (process, thread_name, tid, sample_type);

        -- id: see SampleBlock.firstRowID. total: sum of the values in entries, which are coded by SampleBlock.
        CREATE TABLE block (
            id INTEGER PRIMARY KEY, series INTEGER NOT NULL, total INTEGER NOT NULL, entries BLOB NOT NULL);

        CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        """

    /// Tables whose unreferenced rows are removed by `seen`.
    static let internedTables = ["stack", "frame", "function", "series", "process", "sample_type", "string"]

    static func prepare(_ database: Database, path: String) throws {
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        let application = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let isEmpty = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
        if isEmpty {
            try database.execute(sql: tables)
            try database.execute(sql: "PRAGMA application_id = \(applicationID)")
            try database.execute(sql: "PRAGMA user_version = \(Schema.version)")
            return
        }
        guard application == applicationID else { throw StoreError.foreignDatabase(path: path) }
        guard version <= Schema.version else { throw StoreError.newerDatabase(path: path, version: version) }
        // Touches the root page of every table, so that damage shows now and not in the first query.
        for table in internedTables + ["block"] {
            _ = try Row.fetchOne(database, sql: "SELECT * FROM \(table) ORDER BY id DESC LIMIT 1")
        }
    }
}
