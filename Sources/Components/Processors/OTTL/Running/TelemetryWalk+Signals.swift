import OTLP

extension Step {
    // MARK: - Traces

    func visit(_ resource: inout Opentelemetry_Proto_Trace_V1_ResourceSpans) throws -> Bool {
        let had = resource.hasResource
        swap(&evaluation.resource, &resource.resource)
        swap(&evaluation.resourceSchemaURL, &resource.schemaURL)
        defer {
            swap(&evaluation.resource, &resource.resource)
            swap(&evaluation.resourceSchemaURL, &resource.schemaURL)
            if !had, resource.resource == OTLPResource() { resource.clearResource() }
        }
        return try visit(.resource, isEmpty: { resource.scopeSpans.isEmpty }) {
            try resource.scopeSpans.keep { scope in
                let had = scope.hasScope
                swap(&evaluation.scope, &scope.scope)
                swap(&evaluation.scopeSchemaURL, &scope.schemaURL)
                defer {
                    swap(&evaluation.scope, &scope.scope)
                    swap(&evaluation.scopeSchemaURL, &scope.schemaURL)
                    if !had, scope.scope == OTLPScope() { scope.clearScope() }
                }
                return try visit(.scope, isEmpty: { scope.spans.isEmpty }) { try scope.spans.keep(visit) }
            }
        }
    }

    private func visit(_ span: inout Span) throws -> Bool {
        swap(&evaluation.span, &span)
        defer { swap(&evaluation.span, &span) }
        return try visit(.span) {
            var events = evaluation.span.events
            evaluation.span.events = []
            defer { evaluation.span.events = events }
            try events.keep { event in
                swap(&evaluation.event, &event)
                defer { swap(&evaluation.event, &event) }
                return try item()
            }
        }
    }

    // MARK: - Logs

    func visit(_ resource: inout Opentelemetry_Proto_Logs_V1_ResourceLogs) throws -> Bool {
        let had = resource.hasResource
        swap(&evaluation.resource, &resource.resource)
        swap(&evaluation.resourceSchemaURL, &resource.schemaURL)
        defer {
            swap(&evaluation.resource, &resource.resource)
            swap(&evaluation.resourceSchemaURL, &resource.schemaURL)
            if !had, resource.resource == OTLPResource() { resource.clearResource() }
        }
        return try visit(.resource, isEmpty: { resource.scopeLogs.isEmpty }) {
            try resource.scopeLogs.keep { scope in
                let had = scope.hasScope
                swap(&evaluation.scope, &scope.scope)
                swap(&evaluation.scopeSchemaURL, &scope.schemaURL)
                defer {
                    swap(&evaluation.scope, &scope.scope)
                    swap(&evaluation.scopeSchemaURL, &scope.schemaURL)
                    if !had, scope.scope == OTLPScope() { scope.clearScope() }
                }
                return try visit(.scope, isEmpty: { scope.logRecords.isEmpty }) {
                    try scope.logRecords.keep { record in
                        swap(&evaluation.log, &record)
                        defer { swap(&evaluation.log, &record) }
                        return try item()
                    }
                }
            }
        }
    }

    // MARK: - Profiles

    func visit(_ resource: inout OTLPResourceProfiles) throws -> Bool {
        let had = resource.hasResource
        swap(&evaluation.resource, &resource.resource)
        swap(&evaluation.resourceSchemaURL, &resource.schemaURL)
        defer {
            swap(&evaluation.resource, &resource.resource)
            swap(&evaluation.resourceSchemaURL, &resource.schemaURL)
            if !had, resource.resource == OTLPResource() { resource.clearResource() }
        }
        return try visit(.resource, isEmpty: { resource.scopeProfiles.isEmpty }) {
            try resource.scopeProfiles.keep { scope in
                let had = scope.hasScope
                swap(&evaluation.scope, &scope.scope)
                swap(&evaluation.scopeSchemaURL, &scope.schemaURL)
                defer {
                    swap(&evaluation.scope, &scope.scope)
                    swap(&evaluation.scopeSchemaURL, &scope.schemaURL)
                    if !had, scope.scope == OTLPScope() { scope.clearScope() }
                }
                return try visit(.scope, isEmpty: { scope.profiles.isEmpty }) { try scope.profiles.keep(visit) }
            }
        }
    }

    private func visit(_ profile: inout OTLPProfile) throws -> Bool {
        swap(&evaluation.profile, &profile)
        defer { swap(&evaluation.profile, &profile) }
        return try visit(.profile, isEmpty: { evaluation.profile.samples.isEmpty }) {
            var samples = evaluation.profile.samples
            evaluation.profile.samples = []
            defer { evaluation.profile.samples = samples }
            try samples.keep { sample in
                swap(&evaluation.sample, &sample)
                defer { swap(&evaluation.sample, &sample) }
                return try item()
            }
        }
    }
}
