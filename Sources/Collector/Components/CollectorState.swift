/// What runs in this process, for extensions that show it to people.
public struct CollectorState: Sendable {
    public struct Pipeline: Sendable {
        public var id: PipelineID
        public var receivers: [ComponentID]
        public var processors: [ComponentID]
        public var exporters: [ComponentID]

        public init(
            id: PipelineID, receivers: [ComponentID], processors: [ComponentID] = [], exporters: [ComponentID]
        ) {
            self.id = id
            self.receivers = receivers
            self.processors = processors
            self.exporters = exporters
        }
    }

    public var build: BuildInformation
    /// The Collector's own attributes.
    public var resource: [String: String]
    /// Of the process; a reload is no new beginning.
    public var startTime: WallClockTime
    /// Sorted by id.
    public var pipelines: [Pipeline]
    /// As `service::extensions` lists them.
    public var extensions: [ComponentID]
    public var statuses: [ComponentInstanceID: ComponentStatus]
    /// Sorted by id.
    public var gates: [(gate: FeatureGate, isEnabled: Bool)]

    public init(
        build: BuildInformation, resource: [String: String] = [:], startTime: WallClockTime = .now(),
        pipelines: [Pipeline] = [], extensions: [ComponentID] = [],
        statuses: [ComponentInstanceID: ComponentStatus] = [:], gates: [(gate: FeatureGate, isEnabled: Bool)] = []
    ) {
        self.build = build
        self.resource = resource
        self.startTime = startTime
        self.pipelines = pipelines
        self.extensions = extensions
        self.statuses = statuses
        self.gates = gates
    }
}
