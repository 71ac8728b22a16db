extension ComponentFactories {
    /// The components with module and stability as YAML, as the OpenTelemetry Collector's `components` prints them;
    /// the signal profiles included.
    public func description(
        of build: BuildInformation, providers: [any ConfigurationProvider] = ConfigurationResolver.defaultProviders
    ) -> String {
        var text = "buildinfo:\n"
        text += "    command: \(build.command)\n    description: \(build.description)\n    version: \(build.version)\n"
        let signals: [Signal] = [.logs, .metrics, .traces, .profiles]
        func list<Factory>(
            _ kind: ComponentKind, _ factories: [Factory], _ stability: (Factory) -> [(String, Stability)]
        ) {
            guard !factories.isEmpty else { return }
            text += "\(kind.sectionName):\n"
            let entries = factories.compactMap { factory in
                (factory as? any ComponentFactory).map { (described: $0, stability: stability(factory)) }
            }
            for entry in entries.sorted(by: { $0.described.type < $1.described.type }) {
                text += "    - name: \(entry.described.type)\n      module: \(entry.described.moduleName)\n"
                text += "      stability:\n"
                for (name, level) in entry.stability { text += "        \(name): \(level.rawValue)\n" }
            }
        }
        func perSignal(_ stability: [Signal: Stability]) -> [(String, Stability)] {
            signals.map { ($0.rawValue, stability[$0] ?? .undefined) }
        }
        list(.receiver, receivers) { perSignal($0.stability) }
        list(.processor, processors) { perSignal($0.stability) }
        list(.exporter, exporters) { perSignal($0.stability) }
        list(.connector, connectors) { factory in
            signals.flatMap { from in
                signals.map { to in
                    ("\(from)-to-\(to)", factory.stability[SignalPair(from: from, to: to)] ?? .undefined)
                }
            }
        }
        list(.extension, extensions) { [("extension", $0.stability)] }
        text += "providers:\n"
        for provider in providers.sorted(by: { $0.scheme < $1.scheme }) {
            text += "    - scheme: \(provider.scheme)\n      module: \(provider.moduleName)\n"
        }
        return text
    }
}
