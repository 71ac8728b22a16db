import OTLP

extension Telemetry {
    /// Puts the content of another batch of the same signal behind this one's. Profiles have dictionaries and cannot be
    /// joined so (see `ProfilesDictionaryMerger`); they are left as they are.
    public mutating func append(_ other: Telemetry) {
        switch (self, other) {
        case (.traces(var data), .traces(let more)):
            self = .traces(.init())
            data.resourceSpans += more.resourceSpans
            self = .traces(data)
        case (.metrics(var data), .metrics(let more)):
            self = .metrics(.init())
            data.resourceMetrics += more.resourceMetrics
            self = .metrics(data)
        case (.logs(var data), .logs(let more)):
            self = .logs(.init())
            data.resourceLogs += more.resourceLogs
            self = .logs(data)
        default: break
        }
    }

    /// Takes the first items out of the batch, with their resources and scopes. Both parts of profiles keep the whole
    /// dictionary.
    /// - Parameter limit: How many spans, metric points, log records or samples at most.
    public mutating func removePrefix(_ limit: Int) -> Telemetry {
        var room = limit
        switch self {
        case .traces(var data):
            self = .traces(.init())
            let taken = movePrefix(&data.resourceSpans, &room, \.spanTotal) { resource, room in
                var part = resource
                part.scopeSpans = movePrefix(&resource.scopeSpans, &room, \.spans.count) { scope, room in
                    var part = scope
                    part.spans = moveItems(&scope.spans, &room)
                    return part
                }
                return part
            }
            self = .traces(data)
            return .traces(.with { $0.resourceSpans = taken })
        case .metrics(var data):
            self = .metrics(.init())
            let taken = movePrefix(&data.resourceMetrics, &room, \.pointTotal) { resource, room in
                var part = resource
                part.scopeMetrics = movePrefix(&resource.scopeMetrics, &room, \.pointTotal) { scope, room in
                    var part = scope
                    part.metrics = movePrefix(&scope.metrics, &room, \.pointCount) { $0.removePrefix(&$1) }
                    return part
                }
                return part
            }
            self = .metrics(data)
            return .metrics(.with { $0.resourceMetrics = taken })
        case .logs(var data):
            self = .logs(.init())
            let taken = movePrefix(&data.resourceLogs, &room, \.recordTotal) { resource, room in
                var part = resource
                part.scopeLogs = movePrefix(&resource.scopeLogs, &room, \.logRecords.count) { scope, room in
                    var part = scope
                    part.logRecords = moveItems(&scope.logRecords, &room)
                    return part
                }
                return part
            }
            self = .logs(data)
            return .logs(.with { $0.resourceLogs = taken })
        case .profiles(var data):
            self = .profiles(.init())
            let taken = movePrefix(&data.resourceProfiles, &room, \.sampleTotal) { resource, room in
                var part = resource
                part.scopeProfiles = movePrefix(&resource.scopeProfiles, &room, \.sampleTotal) { scope, room in
                    var part = scope
                    part.profiles = movePrefix(&scope.profiles, &room, \.samples.count) { profile, room in
                        var part = profile
                        part.samples = moveItems(&profile.samples, &room)
                        return part
                    }
                    return part
                }
                return part
            }
            let dictionary = data.dictionary
            self = .profiles(data)
            return .profiles(
                .with {
                    $0.resourceProfiles = taken
                    $0.dictionary = dictionary
                })
        }
    }
}

/// Moves whole groups out of a list as long as there is room, and a part of the first that does not fit.
private func movePrefix<Group>(
    _ groups: inout [Group], _ room: inout Int, _ count: (Group) -> Int, split: (inout Group, inout Int) -> Group
) -> [Group] {
    var taken: [Group] = []
    var whole = 0
    while whole < groups.count, room > 0 {
        let items = count(groups[whole])
        guard items <= room else {
            taken.append(split(&groups[whole], &room))
            break
        }
        taken.append(groups[whole])
        room -= items
        whole += 1
    }
    groups.removeFirst(whole)
    return taken
}

private func moveItems<Item>(_ items: inout [Item], _ room: inout Int) -> [Item] {
    let taken = Array(items.prefix(room))
    items.removeFirst(taken.count)
    room -= taken.count
    return taken
}

extension Opentelemetry_Proto_Trace_V1_ResourceSpans {
    fileprivate var spanTotal: Int { scopeSpans.reduce(0) { $0 + $1.spans.count } }
}

extension Opentelemetry_Proto_Profiles_V1development_ResourceProfiles {
    fileprivate var sampleTotal: Int { scopeProfiles.reduce(0) { $0 + $1.sampleTotal } }
}

extension Opentelemetry_Proto_Profiles_V1development_ScopeProfiles {
    fileprivate var sampleTotal: Int { profiles.reduce(0) { $0 + $1.samples.count } }
}

extension Opentelemetry_Proto_Logs_V1_ResourceLogs {
    fileprivate var recordTotal: Int { scopeLogs.reduce(0) { $0 + $1.logRecords.count } }
}

extension Opentelemetry_Proto_Metrics_V1_ResourceMetrics {
    fileprivate var pointTotal: Int { scopeMetrics.reduce(0) { $0 + $1.pointTotal } }
}

extension Opentelemetry_Proto_Metrics_V1_ScopeMetrics {
    fileprivate var pointTotal: Int { metrics.reduce(0) { $0 + $1.pointCount } }
}

extension Opentelemetry_Proto_Metrics_V1_Metric {
    /// Takes the first points out of the metric; both parts keep name, unit and kind.
    fileprivate mutating func removePrefix(_ room: inout Int) -> Self {
        var part = self
        switch data {
        case .gauge(var gauge):
            var taken = gauge
            taken.dataPoints = moveItems(&gauge.dataPoints, &room)
            (data, part.data) = (.gauge(gauge), .gauge(taken))
        case .sum(var sum):
            var taken = sum
            taken.dataPoints = moveItems(&sum.dataPoints, &room)
            (data, part.data) = (.sum(sum), .sum(taken))
        case .histogram(var histogram):
            var taken = histogram
            taken.dataPoints = moveItems(&histogram.dataPoints, &room)
            (data, part.data) = (.histogram(histogram), .histogram(taken))
        case .exponentialHistogram(var histogram):
            var taken = histogram
            taken.dataPoints = moveItems(&histogram.dataPoints, &room)
            (data, part.data) = (.exponentialHistogram(histogram), .exponentialHistogram(taken))
        case .summary(var summary):
            var taken = summary
            taken.dataPoints = moveItems(&summary.dataPoints, &room)
            (data, part.data) = (.summary(summary), .summary(taken))
        case nil: break
        }
        return part
    }
}
